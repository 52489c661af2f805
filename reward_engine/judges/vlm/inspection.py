"""A look at a base model before it is used: what it is, what it needs, and whether quick answers are right answers.

report = inspect_base("models/Qwen2.5-VL-3B", checklist=builtin("image"))
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from reward_engine.checklist import Checklist
from reward_engine.errors import ArtifactError, JudgeError, RewardEngineError
from reward_engine.judges.base import MediaInput, MediaType, Progress
from reward_engine.judges.vlm import adapter, batching, check
from reward_engine.judges.vlm.backbone import Backbone
from reward_engine.judges.vlm.inputs import Encoded
from reward_engine.judges.vlm.judge import VLMJudge
from reward_engine.judges.vlm.options import VLMOptions, Way
from reward_engine.judges.vlm.passes import PART, PASSES

QUESTIONS = 12
"""So many questions of the checklist, spread over it, are asked one by one about each of the two media."""

BATCH = 16
"""Items of the batch whose memory is estimated, unless the token budget ends it earlier."""

MIB = 2**20


@dataclass(frozen=True)
class BaseReport:
    """What a base model is and can do here; plain values only.

    ``parameters``: a count. ``dtype``: the number format it was opened in. ``weights_bytes``: of the weights;
    ``memory_bytes``: with one batch, as estimated from shapes (on a GPU at least what the probe took). ``way``: how it
    answers, with ``way_reason`` where a quicker way is not possible; ``ways``: all that it can take, quickest first.
    ``probe_items`` × ``probe_questions`` answers were compared with the plain loop; ``largest_difference`` is the
    largest one in P(yes) of the ``way`` taken. ``tokens``: of the larger of the two media, with its prompt, before the
    question. ``context``: the longest sequence it knows, where it says so. ``tested``: whether our tests know the
    family. ``digest``: of the files that decide answers.
    """

    source: str
    family: str
    tested: bool
    model_class: str
    media_type: MediaType
    parameters: int
    dtype: str
    device: str
    weights_bytes: int
    memory_bytes: int
    way: Way
    way_reason: str
    ways: tuple[Way, ...]
    probe_items: int
    probe_questions: int
    largest_difference: float
    tokens: int
    context: int | None
    digest: str
    revision: str | None

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "ways": list(self.ways)}


def inspect_base(
    source: str | Path,
    *,
    checklist: Checklist,
    options: VLMOptions | None = None,
    revision: str | None = None,
    progress: Progress | None = None,
) -> BaseReport:
    """Check that a base model works.

    Opens it, asks it about two media made for it, and compares its quickest way with the plain loop. ``progress(done,
    total)`` counts loading, encoding and the ways tried as steps.

    Raises:
        ArtifactError: Pickles, code of its own, tensors that are missing, cut off, misshapen or without a place, an
            adapter instead of a base.
        JudgeError: No chat template, tokenizer or image processor; a model that fails on every item.
    """
    if adapter.is_adapter(source):
        raise ArtifactError(
            f"{Path(source).name}: this is a trained adapter and no base model. Register the model it was trained on.",
            code="adapter",
        )
    steps = 4

    def tell(done: int) -> None:
        if progress is not None:
            progress(done, steps)

    tell(0)
    judge = VLMJudge.load(source, checklist=checklist, options=options, revision=revision)
    tell(1)
    items = _encoded(judge)
    tell(2)
    cuda = judge.backbone.device.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats(judge.backbone.device)
    ways, reason, gap = _compared(judge, items)
    tell(3)
    model = judge.backbone.model
    weights = int(model.get_memory_footprint())
    memory = weights + batch_bytes(judge.backbone, items, judge.options)
    if cuda:
        memory = max(memory, int(torch.cuda.max_memory_allocated(judge.backbone.device)))
    tell(4)
    return BaseReport(
        source=str(source),
        family=judge.family.model_type,
        tested=judge.family.tested,
        model_class=type(model).__name__,
        media_type=checklist.media_type,
        parameters=int(model.num_parameters()),
        dtype=str(judge.backbone.dtype).removeprefix("torch."),
        device=judge.backbone.device.type,
        weights_bytes=weights,
        memory_bytes=memory,
        way=ways[0],
        way_reason=reason,
        ways=ways,
        probe_items=len(items),
        probe_questions=len(items[0].questions),
        largest_difference=gap,
        tokens=max(len(item.prefix) for item in items),
        context=judge.backbone.context,
        digest=judge.digest,
        revision=judge.revision,
    )


def _encoded(judge: VLMJudge) -> list[Encoded]:
    """Two media of the checklist's type, made here, as the model takes them, with some of its questions."""
    questions = judge.checklist.questions
    texts = [questions[place].text for place in check.spread(len(questions), QUESTIONS)]
    with tempfile.TemporaryDirectory() as folder:
        made = _made(Path(folder), judge.checklist.media_type)
        try:
            return [judge.encoder.encode(item, texts) for item in made]
        except RewardEngineError:
            raise
        except Exception as error:  # whatever the checkpoint's processor raises
            first = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            raise JudgeError(
                f"The model's processor cannot prepare {judge.checklist.media_type}s ({first}). Its settings may be "
                "incomplete, or this version of transformers does not support them.",
                code="processor",
            ) from error


def _made(folder: Path, media_type: MediaType) -> list[MediaInput]:
    items = []
    for number, (width, height) in enumerate(((96, 64), (64, 112))):
        prompt = ("", "waves of color in a wide frame")[number]
        if media_type == "image":
            path = folder / f"{number}.png"
            Image.fromarray(pattern(width, height, number)).save(path)
        else:
            from reward_engine.mpo.media import save_clip

            path = folder / f"{number}.mp4"
            frames = [Image.fromarray(pattern(width, height, number + step / 4)) for step in range(8 + 8 * number)]
            save_clip(frames, path)
        items.append(MediaInput(f"probe-{number}", media_type, path, prompt))
    return items


def pattern(width: int, height: int, phase: float) -> NDArray[np.uint8]:
    """Draw colored waves, uint8 [height, width, 3].

    They are something to look at, the same on every machine.
    """
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / (5.0 + channel) + y / 9.0 * (channel + 1) + phase) for channel in range(3)]
    return np.asarray(np.rint(127.5 + 127.5 * np.stack(waves, axis=-1)), dtype=np.uint8)


@torch.inference_mode()
def _compared(judge: VLMJudge, items: Sequence[Encoded]) -> tuple[tuple[Way, ...], str, float]:
    """(ways that answer like the loop, why the quicker ones do not, largest difference of the quickest)."""
    backbone, reason = judge.backbone, judge.way_reason
    truth = _attempt(backbone, "loop", items)
    if isinstance(truth, str):
        raise JudgeError(
            f"The model cannot answer even the plainest way ({truth}). Its settings (config.json) may not fit its "
            "weights, or this version of transformers does not support it.",
            code=batching.MODEL_FAILED,
        )
    if not torch.isfinite(truth).all():
        raise JudgeError(
            "The model answers with values that are no numbers. Open it in bfloat16 or float32 instead of float16, or "
            "copy its files again.",
            code="not_finite",
        )
    good: list[tuple[Way, float]] = []
    for way in judge.ways:
        found = truth if way == "loop" else _attempt(backbone, way, items)
        gap = float("inf") if isinstance(found, str) else check.difference(found, truth)
        if gap <= check.tolerance(backbone.dtype):
            good.append((way, gap))
        elif not good:
            difference = found if isinstance(found, str) else f"its answers differ by {gap:.3f}"
            reason = f"{judge.family.model_type} cannot answer {way} ({difference})"
    if not good:
        raise JudgeError(f"The way asked for is not possible: {reason}. Choose auto.", code="way")
    return tuple(way for way, _ in good), reason, good[0][1]


def _attempt(backbone: Backbone, way: Way, items: Sequence[Encoded]) -> Tensor | str:
    """Log-odds [b, k], or in a line what the model raised.

    Raises:
        JudgeError: If memory runs out.
    """
    try:
        return PASSES[way](backbone, items, budget=None)
    except Exception as error:
        if batching.out_of_memory(error):
            raise JudgeError(
                "Two small media do not fit into memory beside the weights. Keep the weights in 4 bits, or use a "
                "larger GPU.",
                code="memory",
            ) from error
        return f"{type(error).__name__}: {error}".splitlines()[0][:200]


def batch_bytes(backbone: Backbone, items: Sequence[Encoded], options: VLMOptions) -> int:
    """Estimate the bytes a full batch of such items takes beside the weights.

    Of each token: keys and values of every layer, and what one layer holds at a time (residual stream, attention and
    feed-forward); of the questions: a mask of question tokens × all tokens; of the media: their tensors and as much
    again for the tower.
    """
    text = backbone.model.config.get_text_config()
    size = torch.finfo(backbone.dtype).bits // 8
    heads = int(text.num_attention_heads)
    kv_heads = int(getattr(text, "num_key_value_heads", None) or heads)
    head = int(getattr(text, "head_dim", None) or text.hidden_size // heads)
    wide = int(getattr(text, "intermediate_size", None) or 4 * text.hidden_size)
    longest = max(item.tokens for item in items)
    count = max(1, min(BATCH, options.token_budget // longest))
    tokens = count * longest
    cache = 2 * int(text.num_hidden_layers) * kv_heads * head * size
    layer = (6 * int(text.hidden_size) + 2 * heads * head + 3 * wide) * size
    asked = min(PART, max(item.question_tokens for item in items))
    mask = count * asked * longest * (1 + size)
    media = max(sum(value.numel() for value in item.media.values()) for item in items) * size * 2 * count
    return tokens * (cache + layer) + mask + media + 64 * MIB * (backbone.device.type == "cuda")
