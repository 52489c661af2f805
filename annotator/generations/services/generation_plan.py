"""What a generation job would make and take, looked at before anything is queued; each refusal names its field.

Nothing here needs a GPU, and nothing loads PyTorch into a web process.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from django.core.cache import cache
from django.utils.translation import gettext

from annotator.core.errors import ProblemError, refused
from annotator.core.helper import call_heavy
from annotator.generations import pipelines
from annotator.generations.models import GenerationSet, Precision, PromptSet
from annotator.generations.pipelines import hub_class, located
from annotator.jobs.devices import REFERENCE_DEVICES, Device, DeviceTime, known_device
from annotator.library.verify import LIMITS
from reward_engine.errors import RewardEngineError
from reward_engine.mpo import pipeline_needs
from reward_engine.mpo.generation import Sampling
from reward_engine.mpo.needs import GenerationEstimate
from reward_engine.mpo.policies import FAMILIES
from reward_engine.mpo.policies import folder as folders

MOST_ITEMS = 200_000
MOST_PER_PROMPT = 256
MOST_SEED = 2**63 - 1
LARGEST_BATCH = 16  # beyond it devices hardly get quicker, and more is lost by a kill
# On the disk, about: a PNG of a photograph; a frame of a clip that is coded nearly without loss.
BYTES_A_PIXEL = {"image": 1.6, "video": 0.25}
# What the engine's codes say about the form.
FIELDS = {"steps": "steps", "guidance_scale": "guidance_scale", "width": "width", "height": "height",
          "frames": "frames", "no_lora": "lora", "other_lora": "lora"}  # fmt: skip


@dataclass(frozen=True)
class GenerationSpec:
    """What somebody asks for. None: as the family's makers recommend, as the pipeline does by itself, as fits."""

    prompt_set: PromptSet
    pipeline: str
    lora: str = ""
    per_prompt: int = 4
    steps: int | None = None
    guidance_scale: float | None = None
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    seed: int = 0
    precision: str = Precision.AUTO.value
    batch_size: int | None = None


@dataclass(frozen=True)
class GenerationCost:
    """What it will take. ``item_bytes``: memory of one item; ``largest_batch``: 0 where its device is too small."""

    parameters: int
    weight_bytes: int
    memory_bytes: int
    disk_bytes: int
    flops: float
    times: tuple[DeviceTime, ...]
    largest_batch: int | None


@dataclass(frozen=True)
class GenerationPlan:
    """A job that may be queued: the spec with everything filled in. ``cost`` is None before a download."""

    spec: GenerationSpec
    source: Path | str
    pipeline_class: str
    media_type: str
    prompts: int
    size: str
    fingerprint: str
    cost: GenerationCost | None

    @property
    def items(self) -> int:
        return self.prompts * self.spec.per_prompt


def plan_generation(spec: GenerationSpec) -> GenerationPlan:
    """Plan a generation and estimate what it takes.

    Raises:
        ProblemError: With ``field`` where one is to blame.
    """
    prompts = _check_counts(spec)
    source = pipelines.pipeline_source(spec.pipeline)
    lora = pipelines.lora_file(spec.lora)
    folder = located(source)
    try:
        pipeline_class = hub_class(str(source)) if folder is None else folders.pipeline_class(folder)
        spec = _with_defaults(spec, pipeline_class)
        if folder is None:
            media_type = str(FAMILIES[pipeline_class].media_type)
            spec = replace(spec, batch_size=spec.batch_size or (8 if media_type == "image" else 1))
            return GenerationPlan(spec, source, pipeline_class, media_type, prompts, "", "", None)
        found = _counted(folder, lora, spec)
        _check_size(found)
        device, measured = known_device()
        cost, batch = _cost(found, spec, prompts * spec.per_prompt, device, measured)
        fingerprint = folders.fingerprint(folder)
    except RewardEngineError as error:
        raise ProblemError(error.message, code=error.code, field=FIELDS.get(error.code, "pipeline")) from error
    return GenerationPlan(
        spec=replace(spec, batch_size=batch),
        source=source,
        pipeline_class=pipeline_class,
        media_type=found.media_type,
        prompts=prompts,
        size=str(found.size),
        fingerprint=fingerprint,
        cost=cost,
    )


def spec_of(found: GenerationSet) -> GenerationSpec:
    """Read the spec that a set was made by."""
    names = ("prompt_set", "pipeline", "lora", "per_prompt", "steps", "guidance_scale", "width", "height", "frames",
             "seed", "precision", "batch_size")  # fmt: skip
    return GenerationSpec(**{name: getattr(found, name) for name in names})


def _check_counts(spec: GenerationSpec) -> int:
    """How many prompts there are, when all numbers make sense."""
    if not 1 <= spec.per_prompt <= MOST_PER_PROMPT:
        raise refused(
            "per_prompt",
            gettext("The number of items per prompt must be 1 to %(most)s, not %(per_prompt)s.")
            % {"most": MOST_PER_PROMPT, "per_prompt": spec.per_prompt},
        )
    if not 0 <= spec.seed <= MOST_SEED:
        raise refused("seed", gettext("The seed must be a whole number from 0 to %(most)s.") % {"most": MOST_SEED})
    if spec.batch_size is not None and not 1 <= spec.batch_size <= 256:
        raise refused(
            "batch_size",
            gettext("The batch size must be 1 to 256, not %(batch_size)s.") % {"batch_size": spec.batch_size},
        )
    if spec.guidance_scale is not None and not math.isfinite(spec.guidance_scale):
        raise refused("guidance_scale", gettext("The guidance scale must be a number."))
    if (spec.width is None) != (spec.height is None):
        raise refused("height" if spec.height is None else "width", gettext("Enter both width and height, or neither."))
    prompts = spec.prompt_set.members.count()
    if not prompts:
        raise ProblemError(gettext("This prompt set has no prompts."), code="no_prompts", field="prompt_set")
    if prompts * spec.per_prompt > MOST_ITEMS:
        raise refused(
            "per_prompt",
            gettext(
                "%(prompts)s prompts × %(per_prompt)s make %(prompts2)s items, but the limit is "
                "%(most)s. Choose fewer items per prompt or a smaller prompt set."
            )
            % {
                "prompts": f"{prompts:,}",
                "per_prompt": spec.per_prompt,
                "prompts2": f"{prompts * spec.per_prompt:,}",
                "most": f"{MOST_ITEMS:,}",
            },
        )
    return prompts


def _with_defaults(spec: GenerationSpec, pipeline_class: str) -> GenerationSpec:
    if pipeline_class not in FAMILIES:
        raise ProblemError(
            gettext("%(pipeline_class)s is not a supported pipeline family. The families are %(names)s.")
            % {"pipeline_class": pipeline_class, "names": ", ".join(FAMILIES)},
            code="unknown_family",
            field="pipeline",
        )
    usual = Sampling.for_family(pipeline_class)
    steps = usual.steps if spec.steps is None else spec.steps
    guidance = usual.guidance_scale if spec.guidance_scale is None else spec.guidance_scale
    return replace(spec, steps=steps, guidance_scale=guidance)


def _counted(folder: Path, lora: Path | None, spec: GenerationSpec) -> GenerationEstimate:
    """The engine's estimate, kept for a while: a form asks again at every change."""
    precision: Literal["fp32", "bf16"] = "fp32" if _precision(spec) == Precision.FP32 else "bf16"
    files = folders.fingerprint(folder, *([lora] if lora else []))
    options = (spec.steps, spec.guidance_scale, spec.width, spec.height, spec.frames)
    key = f"generations:needs:{files}:{':'.join(str(one) for one in options)}:{precision}"
    known: GenerationEstimate | None = cache.get(key)
    if known is None:
        known = call_heavy(
            pipeline_needs.generation_needs, folder, *_filled(spec), width=spec.width,
            height=spec.height, frames=spec.frames, precision=precision, lora=lora,
        )  # fmt: skip
        cache.set(key, known, 24 * 3600)
    return known


def sampling_of(policy: Any, spec: GenerationSpec) -> Sampling:
    """Make the engine's options of a spec with its defaults filled in."""
    return Sampling.of(policy, *_filled(spec), width=spec.width, height=spec.height, frames=spec.frames)


def _filled(spec: GenerationSpec) -> tuple[int, float]:
    """Read the steps and guidance of a spec whose defaults are filled in."""
    if spec.steps is None or spec.guidance_scale is None:
        raise ValueError("fill in the defaults first")
    return spec.steps, spec.guidance_scale


def _precision(spec: GenerationSpec) -> str:
    if spec.precision != Precision.AUTO:
        return spec.precision
    device, measured = known_device()
    return Precision.BF16 if measured and device.memory_bytes else Precision.FP32


def _check_size(found: Any) -> None:
    for name in ("width", "height"):
        side = getattr(found.size, name)
        if side < LIMITS.least_side:
            raise refused(
                name,
                gettext("A %(name)s of %(side)s pixels is too small to judge. The minimum is %(least_side)s.")
                % {"name": name, "side": side, "least_side": LIMITS.least_side},
            )
        if found.media_type == "video" and side > LIMITS.video_side:
            raise refused(
                name,
                gettext("Videos with more than %(video_side)s pixels per side are not accepted.")
                % {"video_side": LIMITS.video_side},
            )


def _cost(found: Any, spec: GenerationSpec, items: int, device: Device, measured: bool) -> tuple[GenerationCost, int]:
    """(what it takes, the batch size): as large as fits the device, where nobody chose one."""
    largest = found.largest_batch(device.memory_bytes) if device.memory_bytes else None
    usual = 8 if found.media_type == "image" else 1
    batch = spec.batch_size or max(1, min(LARGEST_BATCH, usual if largest is None else largest))
    devices = [(device, measured), *([] if measured else [(other, False) for other in REFERENCE_DEVICES])]
    memory = found.memory_bytes(batch)
    times = tuple(
        DeviceTime(one.name, found.seconds(items, one.flops), not one.memory_bytes or memory <= one.memory_bytes, known)
        for one, known in devices
    )
    pixels = found.size.width * found.size.height * (found.size.frames or 1)
    cost = GenerationCost(
        parameters=found.parameters,
        weight_bytes=found.weight_bytes,
        memory_bytes=memory,
        disk_bytes=int(items * pixels * BYTES_A_PIXEL[found.media_type]),
        flops=items * found.flops_per_item,
        times=times,
        largest_batch=largest,
    )
    return cost, batch
