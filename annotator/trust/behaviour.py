"""Ways of answering that show without knowing the truth: too fast to have looked, and the same key all the way down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reward_engine.answers import ABSENT

# Nobody reads a question, looks, and decides in less than this.
FASTEST_MS_A_JUDGMENT = 350
# Looking at a still picture takes at least this long, once.
FASTEST_MS_AN_IMAGE = 800
# An annotator is called a straight-liner when this share of their annotations are straight lines.
STRAIGHT_LINER_SHARE = 0.3
MINIMUM_ANNOTATIONS = 8


@dataclass(frozen=True)
class Behaviour:
    """One row an annotator.

    Attributes:
        annotators: int64 [a], ascending.
        annotations: int64 [a].
        too_fast: float64 [a], share 0..1 of annotations given faster than the media could be seen.
        straight_lines: float64 [a], share 0..1 of annotations whose answers stand all in one place of their ladders.
        median_seconds: float64 [a], median time of an annotation.
    """

    annotators: NDArray[np.int64]
    annotations: NDArray[np.int64]
    too_fast: NDArray[np.float64]
    straight_lines: NDArray[np.float64]
    median_seconds: NDArray[np.float64]

    def suspects(self) -> NDArray[np.bool_]:
        """bool [a]: annotators a reviewer should look at; nobody with fewer than MINIMUM_ANNOTATIONS."""
        enough = self.annotations >= MINIMUM_ANNOTATIONS
        odd = (self.too_fast >= STRAIGHT_LINER_SHARE) | (self.straight_lines >= STRAIGHT_LINER_SHARE)
        return np.asarray(enough & odd)


def fastest_ms(judgments: NDArray[np.int64], duration_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """The least time an honest annotation takes: the media seen once, and a moment for each judgment.

    Args:
        judgments: int64 [n], answered sub-dimensions.
        duration_ms: int64 [n], length of a video; 0 for an image.
    """
    seen = np.where(duration_ms > 0, duration_ms, FASTEST_MS_AN_IMAGE)
    return np.asarray(seen + judgments * FASTEST_MS_A_JUDGMENT, dtype=np.int64)


def relative_positions(
    levels: NDArray[np.int8], lowest: NDArray[np.int8], highest: NDArray[np.int8]
) -> NDArray[np.float64]:
    """Where on its ladder each answer stands, 0 bottom to 1 top; NaN where not judged. levels int8 [n, s]."""
    judged = levels != ABSENT
    span = (highest.astype(np.float64) - lowest.astype(np.float64))[None, :]
    return np.where(judged, (levels.astype(np.float64) - lowest[None, :]) / span, np.nan)


def straight_lines(levels: NDArray[np.int8], lowest: NDArray[np.int8], highest: NDArray[np.int8]) -> NDArray[np.bool_]:
    """bool [n]: all answers at the top, all at the bottom, or all the n-th key; needs at least five judgments."""
    judged = levels != ABSENT
    enough = judged.sum(axis=1) >= 5
    positions = relative_positions(levels, lowest, highest)
    keys = np.where(judged, levels.astype(np.float64) - lowest[None, :].astype(np.float64), np.nan)
    lines = np.zeros(len(levels), bool)
    for values in (positions, keys):
        low = np.where(judged, values, np.inf).min(axis=1, initial=np.inf)
        high = np.where(judged, values, -np.inf).max(axis=1, initial=-np.inf)
        lines |= low == high
    return np.asarray(lines & enough)


def summarise(
    annotators: NDArray[np.int64],
    levels: NDArray[np.int8],
    milliseconds: NDArray[np.int64],
    duration_ms: NDArray[np.int64],
    lowest: NDArray[np.int8],
    highest: NDArray[np.int8],
) -> Behaviour:
    """How each annotator answers. All arrays have one row an annotation; milliseconds is its whole time."""
    people, index = np.unique(annotators, return_inverse=True)
    total = np.bincount(index, minlength=len(people))
    judged = (levels != ABSENT).sum(axis=1).astype(np.int64)
    fast = milliseconds < fastest_ms(judged, duration_ms)
    line = straight_lines(levels, lowest, highest)
    share = np.maximum(total, 1)
    return Behaviour(
        annotators=people,
        annotations=total.astype(np.int64),
        too_fast=np.bincount(index, weights=fast, minlength=len(people)) / share,
        straight_lines=np.bincount(index, weights=line, minlength=len(people)) / share,
        median_seconds=np.array([np.median(milliseconds[index == a]) / 1000 for a in range(len(people))]),
    )
