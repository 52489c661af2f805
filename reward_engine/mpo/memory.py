"""Batches as large as memory allows: when it runs out, half as large, and on from there."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import TypeVar

from reward_engine.errors import TrainingError

Item = TypeVar("Item")


def ran_out(error: BaseException) -> bool:
    """Tell whether a device says that its memory is full."""
    import torch  # here, so that what only plans batches can do without

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "not enough memory" in str(error)  # the CPU allocator's words


def release() -> None:
    """Give back what a failed attempt still holds."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def in_batches(
    items: Sequence[Item], batch_size: int, work: Callable[[Sequence[Item]], None], report: Callable[[int], bool]
) -> bool:
    """Do the work batch by batch.

    ``report`` hears how many were done and says whether to go on.

    A batch that does not fit into memory is halved, and so are those after it. Returns whether all were done.

    Raises:
        TrainingError: One item alone does not fit.
    """
    done = 0
    while done < len(items):
        batch = items[done : done + batch_size]
        try:
            work(batch)
        except (RuntimeError, MemoryError) as error:
            if not ran_out(error):
                raise
            if len(batch) == 1:
                raise TrainingError(
                    "Not even one item fits into memory; make it smaller (width, height, frames) or use a larger "
                    "device.",
                    code="memory",
                ) from error
            failed = True
        else:
            failed = False
        if failed:  # outside the handler, whose traceback keeps the tensors alive
            batch_size = max(1, len(batch) // 2)
            release()
            continue
        done += len(batch)
        if not report(len(batch)):
            return False
    return True
