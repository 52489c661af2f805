"""Many pictures or clips a prompt, from recorded seeds; whoever is interrupted goes on with what is lacking."""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reward_engine import storage
from reward_engine.errors import ArtifactError, DataError
from reward_engine.judges.base import Canceled, Progress
from reward_engine.mpo import media
from reward_engine.mpo.media import Size
from reward_engine.mpo.memory import in_batches
from reward_engine.mpo.policies.families import FAMILIES
from reward_engine.mpo.seeds import seed_of

if TYPE_CHECKING:
    from reward_engine.mpo.policies import Policy

PLAN = "plan.json"
MOST_STEPS = 1000
MOST_GUIDANCE = 100
MOST_SIDE = 8192
MOST_FRAMES = 1025


@dataclass(frozen=True)
class Generation:
    """The ``index``-th picture or clip of a prompt, made from ``seed``, at ``path``."""

    prompt: str
    index: int
    seed: int
    path: Path


@dataclass(frozen=True)
class Sampling:
    """How a pipeline is asked. ``size`` None: what it makes by itself."""

    steps: int = 30
    guidance_scale: float = 5.0
    size: Size | None = None

    @classmethod
    def for_family(cls, pipeline_class: str) -> Sampling:
        """What the family's makers recommend.

        Raises:
            KeyError: For one that is not known here.
        """
        family = FAMILIES[pipeline_class]
        return cls(family.steps, family.guidance_scale)

    @classmethod
    def of(
        cls,
        policy: Policy,
        steps: int,
        guidance_scale: float,
        *,
        width: int | None = None,
        height: int | None = None,
        frames: int | None = None,
    ) -> Sampling:
        """Complete the options of sampling for a pipeline.

        Where a side or the number of frames is not given, it is what the pipeline makes by itself.
        """
        native = policy.native_size
        return cls(steps, guidance_scale, Size(width or native.width, height or native.height, frames or native.frames))

    def options(self, policy: Policy) -> dict[str, Any]:
        """The arguments that every family's pipeline takes."""
        size = self.size or policy.native_size
        options: dict[str, Any] = {
            "num_inference_steps": self.steps,
            "guidance_scale": self.guidance_scale,
            "width": size.width,
            "height": size.height,
        }
        return options if size.frames is None else options | {"num_frames": size.frames}


def check(policy: Policy, sampling: Sampling) -> None:
    """Check that a pipeline can be asked so; a skeleton will do.

    Raises:
        DataError: With the code ``steps``, ``guidance_scale``, ``width``, ``height`` or ``frames``.
    """
    if not 1 <= sampling.steps <= MOST_STEPS:
        raise DataError(f"1 to {MOST_STEPS:,} steps can be made, not {sampling.steps:,}.", code="steps")
    if not 0 <= sampling.guidance_scale <= MOST_GUIDANCE:
        raise DataError(
            f"The guidance scale is 0 to {MOST_GUIDANCE}, not {sampling.guidance_scale:g}.", code="guidance_scale"
        )
    size, step = sampling.size or policy.native_size, policy.side_step
    for name, side in (("width", size.width), ("height", size.height)):
        if side > MOST_SIDE:
            raise DataError(f"A {name} of {side:,} is over the limit of {MOST_SIDE:,} pixels.", code=name)
        if side < step or side % step:
            below, above = max(step, side // step * step), (side // step + 1) * step
            raise DataError(
                f"This pipeline makes sides that are multiples of {step}; a {name} of {side} is none. "
                f"The nearest are {below} and {above}.",
                code=name,
            )
    every = policy.frame_step
    if every is None and size.frames is not None:
        raise DataError("This pipeline makes pictures, which have no frames; leave the number out.", code="frames")
    if size.frames is not None and size.frames > MOST_FRAMES:
        raise DataError(f"{size.frames:,} frames are over the limit of {MOST_FRAMES:,}.", code="frames")
    if every is not None and (size.frames is None or size.frames < 1 or size.frames % every != 1):
        below = (size.frames or 1) // every * every + 1
        raise DataError(
            f"This pipeline makes clips of {every}·k + 1 frames; {size.frames} is no such number. "
            f"Near it are {below} and {below + every}.",
            code="frames",
        )


def plan(prompts: Sequence[str], per_prompt: int, folder: Path, suffix: str, seed: int) -> list[Generation]:
    """Plan what is to be made.

    A seed depends on the prompt and the index alone: models are compared on the same noise.
    """
    texts = list(dict.fromkeys(prompts))
    if not texts or any(not text.strip() for text in texts):
        raise DataError("There is no prompt to generate for, or an empty one.", code="no_prompt")
    if per_prompt < 1:
        raise DataError(f"At least one item a prompt is made, not {per_prompt}.", code="options")
    return [
        Generation(text, index, seed_of(seed, text, index) % 2**32, folder / f"{number:05d}-{index:03d}{suffix}")
        for number, text in enumerate(texts)
        for index in range(per_prompt)
    ]


def generate(
    policy: Policy,
    prompts: Sequence[str],
    folder: Path,
    *,
    per_prompt: int,
    sampling: Sampling | None = None,
    lora: Path | None = None,
    seed: int = 0,
    batch_size: int = 8,
    elsewhere: Collection[tuple[str, int]] = (),
    progress: Progress | None = None,
    canceled: Canceled | None = None,
) -> list[Generation]:
    """Make the items of each prompt that a folder does not hold yet.

    Each prompt gets ``per_prompt``; returns all that are there. ``plan.json`` records prompts, seeds and options before
    the first item is made. A batch that does not fit into memory is halved.

    Args:
        lora: A safetensors file that the pipeline wears meanwhile.
        elsewhere: Prompt and index of items that are kept in another place already, and so are not made again.

    Raises:
        ArtifactError: The folder holds items made otherwise.
        TrainingError: One item alone does not fit into memory.
    """
    sampling = sampling or Sampling()
    items = plan(prompts, per_prompt, folder, ".png" if policy.media_type == "image" else ".mp4", seed)
    _record(folder, policy, sampling, lora, seed, items)
    kept = frozenset(elsewhere)
    lacking = [item for item in items if (item.prompt, item.index) not in kept and not item.path.exists()]
    done = len(items) - len(lacking)

    def work(batch: Sequence[Generation]) -> None:
        made = policy.generate(
            [item.prompt for item in batch], [item.seed for item in batch], **sampling.options(policy)
        )
        for item, one in zip(batch, made, strict=True):
            _write(one, item.path)

    def report(count: int) -> bool:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, len(items))
        return canceled is None or not canceled()

    with policy.wearing(lora):
        in_batches(lacking, batch_size, work, report)
    return [item for item in items if item.path.exists()]


def _record(
    folder: Path, policy: Policy, sampling: Sampling, lora: Path | None, seed: int, items: Sequence[Generation]
) -> None:
    content = {
        "pipeline_class": type(policy.pipeline).__name__,
        "pipeline_fingerprint": policy.fingerprint,
        "lora_sha256": storage.file_sha256(lora) if lora is not None else None,
        "sampling": {**asdict(sampling), "size": str(sampling.size or policy.native_size)},
        "seed": seed,
        "items": [{**asdict(item), "path": item.path.name} for item in items],
    }
    recorded = folder / PLAN
    if recorded.exists():
        if storage.read_json(recorded) != json.loads(json.dumps(content)):
            raise ArtifactError(
                f"{folder} holds items of another model, other prompts or other options; take a new folder.",
                code="exists",
            )
    else:
        storage.write_json(recorded, content)


def _write(made: Any, path: Path) -> None:
    if path.suffix == ".png":
        buffer = io.BytesIO()
        made.save(buffer, format="PNG")
        storage.write_bytes(path, buffer.getvalue())
    else:
        with storage.temporary(path) as beside:
            media.save_clip(made, beside)
