"""Ways of answering that show without knowing the truth.

Too fast to have looked, the same key all the way down, a few keys in turn, and whatever the model suggests.
"""

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
# With fewer pressed keys or shown suggestions than this, nothing is said of an annotation.
FEWEST_KEYS = 5
# Keys in turn (1, 2, 1, 2) are looked for up to this period; each turn must come round at least three times.
LONGEST_PERIOD = 4
# Agreeing with a good model is no fault; agreeing with it in all of nearly every item is.
COPYIST_SHARE = 0.9


@dataclass(frozen=True)
class Behavior:
    """One row per annotator.

    Attributes:
        annotators: int64 [a], ascending.
        annotations: int64 [a].
        too_fast: float64 [a], share 0..1 of annotations given faster than the media could be seen.
        straight_lines: float64 [a], share 0..1 of annotations whose answers stand all in one place of their ladders,
            were all given with one key, or with a few keys in turn.
        copied: float64 [a], share 0..1 of the annotations that showed suggestions in which every one was taken over;
            0 for fewer than MINIMUM_ANNOTATIONS such annotations.
        median_seconds: float64 [a], median time of an annotation.
    """

    annotators: NDArray[np.int64]
    annotations: NDArray[np.int64]
    too_fast: NDArray[np.float64]
    straight_lines: NDArray[np.float64]
    copied: NDArray[np.float64]
    median_seconds: NDArray[np.float64]

    def suspects(self) -> NDArray[np.bool_]:
        """bool [a]: annotators a reviewer should look at; nobody with fewer than MINIMUM_ANNOTATIONS."""
        enough = self.annotations >= MINIMUM_ANNOTATIONS
        odd = (self.too_fast >= STRAIGHT_LINER_SHARE) | (self.straight_lines >= STRAIGHT_LINER_SHARE)
        return np.asarray(enough & (odd | (self.copied >= COPYIST_SHARE)))


def fastest_ms(judgments: NDArray[np.int64], duration_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """The least time an honest annotation takes: the media seen once, and a moment for each judgment.

    Args:
        judgments: int64 [n], answered sub-dimensions.
        duration_ms: int64 [n], length of a video; 0 for an image.
    """
    seen = np.where(duration_ms > 0, duration_ms, FASTEST_MS_AN_IMAGE)
    return np.asarray(seen + judgments * FASTEST_MS_A_JUDGMENT, dtype=np.int64)


def fastest_ms_of(judgments: int, duration_ms: int) -> int:
    """The same of one annotation."""
    return int(fastest_ms(np.array([judgments]), np.array([duration_ms]))[0])


def relative_positions(
    levels: NDArray[np.int8], lowest: NDArray[np.int8], highest: NDArray[np.int8]
) -> NDArray[np.float64]:
    """Where on its ladder each answer stands, 0 bottom to 1 top; NaN where not judged. levels int8 [n, s]."""
    judged = levels != ABSENT
    span = (highest.astype(np.float64) - lowest.astype(np.float64))[None, :]
    return np.where(judged, (levels.astype(np.float64) - lowest[None, :]) / span, np.nan)


def keys_pressed(levels: NDArray[np.int8], lowest: NDArray[np.int8], follows: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The key behind each answer, as the page has it; NaN where none was pressed. levels int8 [n, s].

    The lowest level is key 1. Where a ladder hangs on another one (``follows``, bool [s]), its lowest level has key 0
    and nobody presses it: it follows from the other ladder.
    """
    steps = levels.astype(np.float64) - lowest.astype(np.float64)[None, :]
    pressed = (levels != ABSENT) & ~(follows[None, :] & (steps == 0))
    return np.where(pressed, steps + np.where(follows, 0, 1)[None, :], np.nan)


def straight_lines(
    levels: NDArray[np.int8],
    lowest: NDArray[np.int8],
    highest: NDArray[np.int8],
    follows: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """bool [n]: all answers in one place of their ladders, or one key or a few keys in turn all the way down.

    One place and one key need at least FEWEST_KEYS answers. A pattern of period p, 2 to LONGEST_PERIOD, needs three
    rounds and two answers more, so that chance makes none.
    """
    none = np.zeros(levels.shape[1], bool) if follows is None else follows
    keys = keys_pressed(levels, lowest, none)
    pressed = ~np.isnan(keys)
    positions = np.where(pressed, relative_positions(levels, lowest, highest), np.nan)
    lines = np.zeros(len(levels), bool)
    for values in (positions, keys):
        low = np.where(pressed, values, np.inf).min(axis=1, initial=np.inf)
        high = np.where(pressed, values, -np.inf).max(axis=1, initial=-np.inf)
        lines |= (low == high) & (pressed.sum(axis=1) >= FEWEST_KEYS)
    turns = np.array([_in_turn(row[mark]) for row, mark in zip(keys, pressed, strict=True)], dtype=bool)
    return np.asarray(lines | turns)


def _in_turn(keys: NDArray[np.float64]) -> bool:
    """Whether these keys, in the order of the page, repeat with a short period."""
    return any(
        len(keys) >= 3 * period + 2 and bool((keys[period:] == keys[:-period]).all())
        for period in range(2, LONGEST_PERIOD + 1)
    )


def wholly_copied(levels: NDArray[np.int8], shown: NDArray[np.int8]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Annotations that showed enough suggestions, and those of them that took all over; bool [n] each.

    shown: int8 [n, s], the levels that were suggested and seen; ABSENT where none was.
    """
    seen = (shown != ABSENT) & (levels != ABSENT)
    enough = seen.sum(axis=1) >= FEWEST_KEYS
    return enough, enough & ((levels == shown) | ~seen).all(axis=1)


def summarize(
    annotators: NDArray[np.int64],
    levels: NDArray[np.int8],
    milliseconds: NDArray[np.int64],
    duration_ms: NDArray[np.int64],
    lowest: NDArray[np.int8],
    highest: NDArray[np.int8],
    follows: NDArray[np.bool_] | None = None,
    shown: NDArray[np.int8] | None = None,
) -> Behavior:
    """How each annotator answers. All arrays have one row per annotation; milliseconds is its whole time.

    ``follows`` (see :func:`keys_pressed`) and ``shown`` (see :func:`wholly_copied`) may be left out.
    """
    people, index = np.unique(annotators, return_inverse=True)
    total = np.bincount(index, minlength=len(people))
    judged = (levels != ABSENT).sum(axis=1).astype(np.int64)
    fast = milliseconds < fastest_ms(judged, duration_ms)
    line = straight_lines(levels, lowest, highest, follows)
    offered, copied = wholly_copied(levels, shown if shown is not None else np.full_like(levels, ABSENT))
    offers = np.bincount(index, weights=offered, minlength=len(people))
    share = np.maximum(total, 1)
    return Behavior(
        annotators=people,
        annotations=total.astype(np.int64),
        too_fast=np.bincount(index, weights=fast, minlength=len(people)) / share,
        straight_lines=np.bincount(index, weights=line, minlength=len(people)) / share,
        copied=np.where(
            offers >= MINIMUM_ANNOTATIONS,
            np.bincount(index, weights=copied, minlength=len(people)) / np.maximum(offers, 1),
            0.0,
        ),
        median_seconds=np.array([np.median(milliseconds[index == a]) / 1000 for a in range(len(people))]),
    )
