"""What a run will take, told before it starts: memory, time, disk."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings as platform
from django.core.cache import cache
from django.utils.translation import gettext

from annotator.core.errors import ProblemError
from annotator.core.helper import call_heavy
from annotator.generations.pipelines import located
from annotator.jobs.devices import REFERENCE_DEVICES, Device, DeviceTime, known_device
from annotator.mpo.services.run_plan import RunPlan, problem_at
from reward_engine.mpo import pipeline_needs
from reward_engine.mpo.needs import OVERHEAD, UTILIZATION
from reward_engine.mpo.policies import folder as pipelines
from reward_engine.mpo.training import Settings


@dataclass(frozen=True)
class RunEstimate:
    """``flops``: of training, measuring held-out pairs and sample grids together. ``adapter_bytes``: of the result.

    ``activation_bytes``: what the backward pass of ``batch_size`` pairs keeps; ``largest_batch``: the most pairs at
    once that should fit on the worker's device, None where its memory is not known.
    """

    parameters: int
    denoiser_parameters: int
    adapter_bytes: int
    weight_bytes: int
    activation_bytes: int
    memory_bytes: int
    disk_bytes: int
    flops: float
    training_share: float
    times: tuple[DeviceTime, ...]
    largest_batch: int | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def estimate_run(plan: RunPlan) -> RunEstimate | None:
    """Estimate the time and memory that a run takes.

    Returns None for a pipeline on the hub that is not downloaded yet.

    Raises:
        ProblemError: If its files are unusable.
    """
    folder = located(plan.source)
    if folder is None:
        return None
    found = _counted(folder, plan)
    settings = plan.settings
    forward = found["flops_per_pair"] / (2 * (4 if settings.gradient_checkpointing else 3))
    training = settings.steps * settings.pairs_per_step * found["flops_per_pair"]
    flops = training + forward * (_measured_passes(plan) + _sampling_passes(settings))
    device, measured = known_device()
    devices = [(device, measured)]
    if not measured and settings.precision == "bf16":
        devices += [(other, False) for other in REFERENCE_DEVICES]
    memory = found["memory_bytes"]
    return RunEstimate(
        parameters=found["parameters"],
        denoiser_parameters=found["denoiser_parameters"],
        adapter_bytes=found["adapter_parameters"] * 4,
        weight_bytes=found["weight_bytes"],
        activation_bytes=found["activation_bytes"],
        memory_bytes=memory,
        disk_bytes=_disk(plan, found),
        flops=flops,
        training_share=training / flops,
        times=tuple(
            DeviceTime(
                one.name,
                flops / (one.flops * UTILIZATION),
                not one.memory_bytes or memory <= one.memory_bytes,
                is_measured,
            )
            for one, is_measured in devices
        ),
        largest_batch=_largest_batch(found, settings, device) if device.memory_bytes else None,
    )


def _counted(folder: Any, plan: RunPlan) -> dict[str, Any]:
    """The engine's counts, kept for a while: a form asks again at every change."""
    settings = plan.settings
    shape = [settings.batch_size, settings.rank, settings.precision, settings.gradient_checkpointing]
    size = [settings.width, settings.height, settings.frames]
    key = "mpo:estimate:" + "-".join(str(part) for part in (pipelines.fingerprint(folder), *shape, *size))
    known: dict[str, Any] | None = cache.get(key)
    if known is None:
        try:
            with problem_at("frames" if settings.frames else "pipeline"):
                counted = call_heavy(pipeline_needs.run_needs, folder, settings)
        except (RuntimeError, ValueError, TypeError, KeyError) as error:
            raise ProblemError(
                gettext("This pipeline does not accept these sizes (%(reason)s). Leave width, height, and "
                        "frames at 0, or use multiples of 64.") % {"reason": str(error).splitlines()[0]},
                code="size", field="width" if settings.width else "pipeline",
            ) from error  # fmt: skip
        known = asdict(counted) | {"memory_bytes": counted.memory_bytes}
        cache.set(key, known, 24 * 3600)
    return known


def _measured_passes(plan: RunPlan) -> float:
    """Forward passes of one item for held-out pairs: winner and loser, policy and reference, at each draw."""
    settings = plan.settings
    if not settings.evaluate_every:
        return 0.0
    times = -(-settings.steps // settings.evaluate_every)
    return 4.0 * times * plan.split.held_out_pairs * settings.evaluation_draws


def _sampling_passes(settings: Settings) -> float:
    if not settings.sample_every:
        return 0.0
    grids = 1 + -(-settings.steps // settings.sample_every)
    guided = 2 if settings.guidance_scale > 1 else 1
    return float(grids * settings.sample_prompts * settings.sample_seeds * settings.sampling_steps * guided)


def _disk(plan: RunPlan, found: dict[str, Any]) -> int:
    """Encoded media and prompts (a prompt's text is about a megabyte), three states, the result."""
    split = plan.split
    prompts = split.trained_prompts + split.held_out_prompts
    states = found["adapter_parameters"] * 4 * (3 * 3 + 1)
    return int(split.items * found["latent_bytes"] + prompts * (1 << 20) + states)


def _largest_batch(found: dict[str, Any], settings: Settings, device: Device) -> int:
    of_one = found["activation_bytes"] / settings.batch_size * OVERHEAD
    room = device.memory_bytes - (found["memory_bytes"] - found["activation_bytes"] * OVERHEAD)
    return max(0, int(room // of_one))


def free_disk() -> int:
    """Bytes free where runs are kept."""
    folder = platform.ARTIFACT_ROOT
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
