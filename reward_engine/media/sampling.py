"""Which frames of a video to look at: pure functions of the presentation times.

A sampler maps the times of all frames (float64 [t] milliseconds, ascending, first frame at 0)
to the indices of the wanted ones (int64, ascending; a repeat means that the frame is wanted twice).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Times: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.int64]


class Sampler(Protocol):
    """Chooses frames by their times."""

    def indices(self, times_ms: Times) -> Indices:
        """Indices into ``times_ms`` (which has at least one element), ascending."""
        ...


def nearest(times_ms: Times, targets_ms: Times) -> Indices:
    """Find the index of the frame nearest to each target.

    Of two that are equally near, it is the earlier one.
    """
    after = np.clip(np.searchsorted(times_ms, targets_ms, side="left"), 0, len(times_ms) - 1)
    before = np.maximum(after - 1, 0)
    earlier = targets_ms - times_ms[before] <= np.abs(times_ms[after] - targets_ms)
    return np.where(earlier, before, after).astype(np.int64)


@dataclass(frozen=True, slots=True)
class EverySecond:
    """The published sampling: the frame nearest to each whole second.

    There are at most ``max_frames`` of them. Seconds run from 0 to the last frame's time rounded to a whole second
    (half to even), as in the published scorer; below one frame a second a frame therefore repeats.
    """

    max_frames: int = 24

    def __post_init__(self) -> None:
        _positive(max_frames=self.max_frames)

    def indices(self, times_ms: Times) -> Indices:
        seconds = round(float(times_ms[-1]) / 1000.0) + 1
        return nearest(times_ms, np.arange(min(seconds, self.max_frames), dtype=np.float64) * 1000.0)


@dataclass(frozen=True, slots=True)
class Uniform:
    """``count`` frames spread evenly over the time of a clip.

    They go from the first to the last frame; a shorter clip gives fewer.
    """

    count: int

    def __post_init__(self) -> None:
        _positive(count=self.count)

    def indices(self, times_ms: Times) -> Indices:
        if self.count == 1:
            targets = np.array([times_ms[-1] / 2.0])
        else:
            targets = np.linspace(0.0, float(times_ms[-1]), self.count)
        return np.unique(nearest(times_ms, targets))


@dataclass(frozen=True, slots=True)
class Window:
    """``count`` consecutive frames of a clip.

    They begin with the one nearest to ``start_ms``; every ``stride``-th counts.
    """

    start_ms: float = 0.0
    count: int = 16
    stride: int = 1

    def __post_init__(self) -> None:
        _positive(count=self.count, stride=self.stride)

    def indices(self, times_ms: Times) -> Indices:
        first = int(nearest(times_ms, np.array([self.start_ms]))[0])
        return np.arange(first, len(times_ms), self.stride, dtype=np.int64)[: self.count]


@dataclass(frozen=True, slots=True)
class Bursts:
    """``bursts`` runs of ``frames`` consecutive frames, spread evenly.

    A short clip gives all its frames. Motion between neighboring frames is measured within a run, never across a gap.
    """

    bursts: int = 4
    frames: int = 12

    def __post_init__(self) -> None:
        _positive(bursts=self.bursts, frames=self.frames)

    def indices(self, times_ms: Times) -> Indices:
        total = len(times_ms)
        if total <= self.bursts * self.frames:
            return np.arange(total, dtype=np.int64)
        if self.bursts == 1:
            starts = np.array([(total - self.frames) // 2])
        else:
            starts = np.rint(np.linspace(0, total - self.frames, self.bursts)).astype(np.int64)
        return np.unique(starts[:, None] + np.arange(self.frames)[None, :]).astype(np.int64)


@dataclass(frozen=True, slots=True)
class AllFrames:
    """Every frame, up to ``max_frames`` from the start."""

    max_frames: int = 600

    def __post_init__(self) -> None:
        _positive(max_frames=self.max_frames)

    def indices(self, times_ms: Times) -> Indices:
        return np.arange(min(len(times_ms), self.max_frames), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Together:
    """The union of several samplings.

    Each frame comes once, so that one pass over the file serves them all.
    """

    samplers: tuple[Sampler, ...]

    def indices(self, times_ms: Times) -> Indices:
        return np.unique(np.concatenate([sampler.indices(times_ms) for sampler in self.samplers]))


def _positive(**values: int) -> None:
    for name, value in values.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, but is {value}")
