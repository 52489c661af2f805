"""Items → batches that fit: by number, by tokens, and by what memory has shown."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from reward_engine.errors import JudgeError
from reward_engine.judges.vlm.inputs import Encoded

MODEL_FAILED = "model_failed"
"""The code of a JudgeError that says that the model raised something while it computed."""


def batches(items: Iterable[Encoded], limits: Limits) -> Generator[list[Encoded], None, None]:
    """Put neighbors together while they fit; the order stays."""
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
    """What a batch may hold.

    ``items`` and ``tokens`` (padding included) of a batch, and ``questions``: tokens of questions in one pass.

    Tokens and questions shrink for good when memory runs out.
    """

    items: int
    tokens: int
    questions: int

    def fit(self, items: Sequence[Encoded]) -> bool:
        return len(items) <= self.items and padded(items) <= self.tokens


def padded(items: Sequence[Encoded]) -> int:
    """Count the tokens a packed pass over these items computes, padding included."""
    prefix = max(len(item.prefix) for item in items)
    questions = max(item.question_tokens for item in items)
    return len(items) * (prefix + questions)


def halving(
    answer: Callable[[Sequence[Encoded], int], Tensor], items: Sequence[Encoded], limits: Limits
) -> Generator[tuple[Encoded, Tensor | JudgeError], None, None]:
    """Answer items, in smaller batches where memory runs out.

    Yields each item with its log-odds [k] or why there are none. Where memory runs out, half as many tokens are tried,
    and so on; a single item that is too large is asked fewer questions at a time. Where the model fails for another
    reason, the items of the batch are tried one by one, so that a strange one does not take its neighbors along.
    """
    waiting = list(items)
    before = limits.tokens, limits.questions
    while waiting:
        part = next(batches(waiting, limits))
        try:
            found = _tried(answer, part, limits)
        except JudgeError as error:
            if error.code != MODEL_FAILED:
                raise
            if len(part) > 1:
                for item in part:
                    yield from halving(answer, [item], limits)
            else:
                yield part[0], error
            waiting = waiting[len(part) :]
            continue
        if found is not None:
            yield from zip(part, found, strict=True)
            before = limits.tokens, limits.questions
        elif len(part) > 1:
            limits.tokens = min(limits.tokens, padded(part)) // 2
            continue
        elif min(limits.questions, part[0].question_tokens) > max(len(question) for question in part[0].questions):
            limits.questions = max(1, min(limits.questions, part[0].question_tokens) // 2)
            continue
        else:
            limits.tokens, limits.questions = before  # nothing helped, so nothing is learned from it
            yield part[0], _too_large(part[0])
        waiting = waiting[len(part) :]


def _too_large(item: Encoded) -> JudgeError:
    return JudgeError(
        f"Its {len(item.prefix):,} media and prompt tokens do not fit into memory, even alone and with one question at "
        "a time. Look at fewer or smaller frames, keep the weights in 4 bits, or use a larger GPU.",
        code="memory",
    )


def _tried(
    answer: Callable[[Sequence[Encoded], int], Tensor], items: Sequence[Encoded], limits: Limits
) -> Tensor | None:
    """None where memory ran out; what the failed pass held is free again."""
    try:
        return answer(items, limits.questions)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
    release()
    return None


def out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory ran out.

    torch has a class for GPUs and only a sentence for CPUs.
    """
    text = str(error)
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or any(
        sentence in text for sentence in ("can't allocate memory", "not enough memory", "CUDA out of memory")
    )


def release() -> None:
    """Give unused memory of the GPU back."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
