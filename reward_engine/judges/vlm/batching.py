"""Items → batches that fit: by number, by tokens, and by what memory has shown."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from reward_engine.errors import JudgeError
from reward_engine.judges.vlm.inputs import Encoded


def batches(items: Iterable[Encoded], limits: Limits) -> Generator[list[Encoded], None, None]:
    """Neighbours together while their padded tokens stay within the budget; the order stays."""
    waiting: list[Encoded] = []
    for item in items:
        if waiting and not limits.fit([*waiting, item]):
            yield waiting
            waiting = []
        waiting.append(item)
    if waiting:
        yield waiting


@dataclass
class Limits:
    """``items`` and ``tokens`` of a batch; both shrink for good when memory runs out, ``questions`` in the last place."""

    items: int
    tokens: int
    questions: int | None = None
    """Tokens of questions in one pass; None: all at once."""

    def fit(self, items: Sequence[Encoded]) -> bool:
        return len(items) <= self.items and padded(items) <= self.tokens


def padded(items: Sequence[Encoded]) -> int:
    """Tokens that a packed pass over these items computes, padding included."""
    prefix = max(len(item.prefix) for item in items)
    questions = max(item.question_tokens for item in items)
    return len(items) * (prefix + questions)


def halving(
    answer: Callable[[Sequence[Encoded], int | None], Tensor], items: Sequence[Encoded], limits: Limits
) -> Generator[tuple[Encoded, Tensor | JudgeError], None, None]:
    """(item, its log-odds [k] or why there are none). Where memory runs out, half of the batch is tried, and so on.

    A single item that is too large is asked fewer questions at a time.
    """
    try:
        found = answer(items, limits.questions)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        found = None
    if found is not None:
        yield from zip(items, found, strict=True)
        return
    release()
    if len(items) > 1:
        limits.items = min(limits.items, (len(items) + 1) // 2)
        half = len(items) // 2
        for part in (items[:half], items[half:]):
            yield from halving(answer, part, limits)
        return
    item = items[0]
    now = limits.questions or item.question_tokens
    if now > max(len(question) for question in item.questions):
        limits.questions = max(1, now // 2)
        yield from halving(answer, items, limits)
        return
    yield item, JudgeError(
        f"Its {len(item.prefix):,} media and prompt tokens do not fit into memory, even alone and with one question at "
        "a time. Look at fewer or smaller frames, keep the weights in 4 bits, or use a larger GPU.",
        code="memory",
    )


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: torch has a class for GPUs and only a sentence for CPUs."""
    text = str(error)
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or any(
        sentence in text for sentence in ("can't allocate memory", "not enough memory", "CUDA out of memory")
    )


def release() -> None:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
