"""Videos measured in processes: optical flow holds the interpreter's lock, so that threads wait for each other.

joblib's loky keeps the pool: its processes start without the caller's ``__main__`` (a script needs no guard), inherit
no sockets or locks, and end by themselves when they have been idle. They load what measuring needs, and no network.
"""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from reward_engine.errors import RewardEngineError
from reward_engine.features.media_features import MediaFeatures, extract_media
from reward_engine.judges.base import MediaType

logger = logging.getLogger(__name__)

IDLE_SECONDS = 20
MOST = 8
"""Each process holds about 150 MiB; more of them than this wait for the disk and for the network."""

FEWEST = 6
"""Fewer videos are measured in threads: a process takes one to three seconds to start."""


def usable_cores() -> int:
    """Count the cores that this process may use, by its affinity and its container."""
    from joblib import cpu_count

    return max(1, int(cpu_count()))


def usable_processes() -> int:
    """Count the processes that may measure here.

    Returns 1 where there is one core, or where this process is daemonic and may start none.
    """
    if multiprocessing.current_process().daemon:
        return 1
    return min(MOST, usable_cores())


def measure(path: Path, media_type: MediaType) -> MediaFeatures:
    """Measure a file.

    Raises:
        RewardEngineError: It cannot be read, or a statistic is no finite number.
    """
    measured = extract_media(path, media_type)
    if not (np.isfinite(measured.statistics).all() and np.isfinite(measured.motion).all()):
        raise RewardEngineError(f"{path.name}: a statistic of it is not a finite number.")
    return measured


def in_words(name: str, error: Exception) -> str:
    """Say for people what went wrong with a file."""
    if isinstance(error, RewardEngineError):
        return error.message
    if isinstance(error, OSError):
        return f"{name}: the file cannot be read ({error.strerror or error})."
    return f"{name}: it cannot be measured ({type(error).__name__}: {error})."


def _measure_or_say(path: Path, media_type: MediaType) -> MediaFeatures | str:
    """In the other process: an exception would end the whole run, and need not survive the way back."""
    try:
        return measure(path, media_type)
    except Exception as error:
        return in_words(path.name, error)


def measured_in_processes(
    paths: Sequence[Path], media_type: MediaType, processes: int
) -> Generator[MediaFeatures | str, None, None]:
    """Measure files in processes, and yield in the order of ``paths``.

    Yields words where a file cannot be measured. Where a process dies (no memory left, or a decoder crashed), what is
    left is measured in this one.
    """
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import BrokenProcessPool

    done = 0
    try:
        with parallel_config(backend="loky", inner_max_num_threads=1):
            run = Parallel(
                n_jobs=processes, return_as="generator", batch_size=1, max_nbytes=None, idle_worker_timeout=IDLE_SECONDS
            )
            results = run(delayed(_measure_or_say)(path, media_type) for path in paths)
        with closing(results):
            for found in results:
                done += 1
                yield found
    except (BrokenProcessPool, OSError) as error:
        logger.warning("a measuring process ended (%s); the other %d are measured here", error, len(paths) - done)
        for path in paths[done:]:
            yield _measure_or_say(path, media_type)
