"""What a generation job would make and take, looked at before anything is queued; each refusal names its field.

Nothing here needs a GPU, and nothing loads PyTorch into a web process.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.core.cache import cache

from annotator.core.errors import ProblemError
from annotator.core.helper import call_heavy
from annotator.jobs.devices import Device, known_device
from annotator.library.verify import LIMITS
from annotator.mpo import pipelines
from annotator.mpo.models import GenerationSet, Precision, PromptSet
from annotator.mpo.services.estimates import REFERENCE_DEVICES, Time
from annotator.mpo.services.planning import hub_class, located
from reward_engine.errors import RewardEngineError
from reward_engine.mpo import ahead
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
class Wish:
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
class Taking:
    """What it will take. ``item_bytes``: memory of one item; ``largest_batch``: 0 where its device is too small."""

    parameters: int
    weight_bytes: int
    memory_bytes: int
    disk_bytes: int
    flops: float
    times: tuple[Time, ...]
    largest_batch: int | None


@dataclass(frozen=True)
class GenerationPlan:
    """A job that may be queued: the wish with everything filled in. ``taking`` is None before a download."""

    wish: Wish
    source: Path | str
    pipeline_class: str
    media_type: str
    prompts: int
    size: str
    fingerprint: str
    taking: Taking | None

    @property
    def items(self) -> int:
        return self.prompts * self.wish.per_prompt


def plan_generation(wish: Wish) -> GenerationPlan:
    """Raises ProblemError, with ``field`` where one is to blame."""
    prompts = _check_counts(wish)
    source = pipelines.pipeline_source(wish.pipeline)
    lora = pipelines.lora_file(wish.lora)
    folder = located(source)
    try:
        pipeline_class = hub_class(str(source)) if folder is None else folders.pipeline_class(folder)
        wish = _with_defaults(wish, pipeline_class)
        if folder is None:
            media_type = str(FAMILIES[pipeline_class].media_type)
            wish = replace(wish, batch_size=wish.batch_size or (8 if media_type == "image" else 1))
            return GenerationPlan(wish, source, pipeline_class, media_type, prompts, "", "", None)
        found = _counted(folder, lora, wish)
        _check_size(found)
        device, measured = known_device()
        taking, batch = _taking(found, wish, prompts * wish.per_prompt, device, measured)
        fingerprint = folders.fingerprint(folder)
    except RewardEngineError as error:
        raise ProblemError(error.message, code=error.code, field=FIELDS.get(error.code, "pipeline")) from error
    return GenerationPlan(
        wish=replace(wish, batch_size=batch),
        source=source,
        pipeline_class=pipeline_class,
        media_type=found.media_type,
        prompts=prompts,
        size=str(found.size),
        fingerprint=fingerprint,
        taking=taking,
    )


def wish_of(found: GenerationSet) -> Wish:
    """What a set was made by."""
    names = ("prompt_set", "pipeline", "lora", "per_prompt", "steps", "guidance_scale", "width", "height", "frames",
             "seed", "precision", "batch_size")  # fmt: skip
    return Wish(**{name: getattr(found, name) for name in names})


def _check_counts(wish: Wish) -> int:
    """How many prompts there are, when all numbers make sense."""
    if not 1 <= wish.per_prompt <= MOST_PER_PROMPT:
        raise _refused("per_prompt", f"1 to {MOST_PER_PROMPT} items a prompt can be made, not {wish.per_prompt}.")
    if not 0 <= wish.seed <= MOST_SEED:
        raise _refused("seed", f"The seed is a whole number from 0 to {MOST_SEED}.")
    if wish.batch_size is not None and not 1 <= wish.batch_size <= 256:
        raise _refused("batch_size", f"1 to 256 items can be made at a time, not {wish.batch_size}.")
    if wish.guidance_scale is not None and not math.isfinite(wish.guidance_scale):
        raise _refused("guidance_scale", "The guidance scale must be a number.")
    if (wish.width is None) != (wish.height is None):
        raise _refused("height" if wish.height is None else "width", "Give both width and height, or neither.")
    prompts = wish.prompt_set.members.count()
    if not prompts:
        raise ProblemError("This prompt set has no prompts.", code="no_prompts", field="prompt_set")
    if prompts * wish.per_prompt > MOST_ITEMS:
        raise _refused(
            "per_prompt",
            f"{prompts:,} prompts × {wish.per_prompt} make {prompts * wish.per_prompt:,} items; at most "
            f"{MOST_ITEMS:,} are made at a time. Take fewer a prompt, or a smaller prompt set.",
        )
    return prompts


def _with_defaults(wish: Wish, pipeline_class: str) -> Wish:
    if pipeline_class not in FAMILIES:
        raise ProblemError(
            f"{pipeline_class} is no family of pipelines that can be used here; there are {', '.join(FAMILIES)}.",
            code="unknown_family",
            field="pipeline",
        )
    usual = Sampling.for_family(pipeline_class)
    steps = usual.steps if wish.steps is None else wish.steps
    guidance = usual.guidance_scale if wish.guidance_scale is None else wish.guidance_scale
    return replace(wish, steps=steps, guidance_scale=guidance)


def _counted(folder: Path, lora: Path | None, wish: Wish) -> GenerationEstimate:
    """The engine's estimate, kept for a while: a form asks again at every change."""
    precision = "fp32" if _precision(wish) == Precision.FP32 else "bf16"
    files = folders.fingerprint(folder, *([lora] if lora else []))
    options = (wish.steps, wish.guidance_scale, wish.width, wish.height, wish.frames)
    key = f"mpo:generation-needs:{files}:{':'.join(str(one) for one in options)}:{precision}"
    known: GenerationEstimate | None = cache.get(key)
    if known is None:
        known = call_heavy(
            ahead.generation_needs, folder, wish.steps, wish.guidance_scale, width=wish.width, height=wish.height,
            frames=wish.frames, precision=precision, lora=lora,
        )  # fmt: skip
        cache.set(key, known, 24 * 3600)
    return known


def sampling_of(policy: Any, wish: Wish) -> Sampling:
    """The engine's options of a wish whose steps and guidance are filled in."""
    return Sampling.of(
        policy, wish.steps, wish.guidance_scale, width=wish.width, height=wish.height, frames=wish.frames
    )


def _precision(wish: Wish) -> str:
    if wish.precision != Precision.AUTO:
        return wish.precision
    device, measured = known_device()
    return Precision.BF16 if measured and device.memory_bytes else Precision.FP32


def _check_size(found: Any) -> None:
    for name in ("width", "height"):
        side = getattr(found.size, name)
        if side < LIMITS.least_side:
            raise _refused(name, f"A {name} of {side} pixels is too small to judge; at least {LIMITS.least_side}.")
        if found.media_type == "video" and side > LIMITS.video_side:
            raise _refused(name, f"Clips of more than {LIMITS.video_side} pixels a side are not taken.")


def _taking(found: Any, wish: Wish, items: int, device: Device, measured: bool) -> tuple[Taking, int]:
    """(what it takes, the batch size): as large as fits the device, where nobody chose one."""
    largest = found.largest_batch(device.memory_bytes) if device.memory_bytes else None
    usual = 8 if found.media_type == "image" else 1
    batch = wish.batch_size or max(1, min(LARGEST_BATCH, usual if largest is None else largest))
    devices = [(device, measured), *([] if measured else [(other, False) for other in REFERENCE_DEVICES])]
    memory = found.memory_bytes(batch)
    times = tuple(
        Time(one.name, found.seconds(items, one.flops), not one.memory_bytes or memory <= one.memory_bytes, known)
        for one, known in devices
    )
    pixels = found.size.width * found.size.height * (found.size.frames or 1)
    taking = Taking(
        parameters=found.parameters,
        weight_bytes=found.weight_bytes,
        memory_bytes=memory,
        disk_bytes=int(items * pixels * BYTES_A_PIXEL[found.media_type]),
        flops=items * found.flops_per_item,
        times=times,
        largest_batch=largest,
    )
    return taking, batch


def _refused(field: str, message: str) -> ProblemError:
    return ProblemError(message, code="bad_option", field=field)
