"""Decode ahead of the consumer in threads, so that a model never waits for a file."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

Item = TypeVar("Item")
Decoded = TypeVar("Decoded")


def decode_ahead(
    items: Iterable[Item],
    decode: Callable[[Item], Decoded],
    *,
    workers: int = 2,
    ahead: int = 8,
) -> Generator[tuple[Item, Decoded | Exception], None, None]:
    """Decode later items in threads while the present one is used.

    Yields ``(item, decode(item))`` in the order of ``items``.

    An exception of ``decode`` is yielded in the result's place, so one bad file does not end the run. At most ``ahead``
    finished or running results are held at a time, which bounds memory. Closing the generator (or leaving the loop)
    drops what has not begun. Pillow, PyAV, NumPy and torch release the interpreter's lock where the work is, so threads
    are enough.
    """
    if workers < 1 or ahead < 1:
        raise ValueError(f"workers and ahead must be at least 1, but are {workers} and {ahead}")
    waiting: deque[tuple[Item, Future[Decoded]]] = deque()
    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="decode")
    try:
        for item in items:
            waiting.append((item, pool.submit(decode, item)))
            if len(waiting) >= ahead:
                item, future = waiting.popleft()
                yield item, _result(future)
        while waiting:
            item, future = waiting.popleft()
            yield item, _result(future)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _result(future: Future[Any]) -> Any:
    try:
        return future.result()
    except Exception as error:  # handed over to the consumer, which decides
        return error
