"""Bars: what the pages draw of gaps. Lengths are shares of the widest, so that pages only place them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from annotator.mpo.models import PreferencePair
from reward_engine.checklist import Checklist


@dataclass(frozen=True)
class Bar:
    """``value`` from −``scale`` to ``scale``; ``start`` and ``length`` in percent of the width of the drawing."""

    name: str
    value: float
    start: float
    length: float
    better: float | None = None
    worse: float | None = None

    @property
    def negative(self) -> bool:
        return self.value < 0


def _bars(values: list[float]) -> list[tuple[float, float]]:
    """(start, length) of each, in percent: zero is on the left, or in the middle where something is negative."""
    scale = max((abs(value) for value in values), default=0.0) or 1.0
    if min(values, default=0.0) >= 0:
        return [(0.0, 100 * value / scale) for value in values]
    lengths = [50 * abs(value) / scale for value in values]
    return [(50.0 - length if value < 0 else 50.0, length) for value, length in zip(values, lengths, strict=True)]


def gap_bars(pair: PreferencePair, checklist: Checklist) -> list[Bar]:
    """One bar per dimension of how far the winner is ahead."""
    values = [float(value) for value in pair.gap_by_dimension]
    return [
        Bar(dimension.name, value, start, length)
        for dimension, value, (start, length) in zip(checklist.dimensions, values, _bars(values), strict=True)
    ]


def summary_bars(summary: dict[str, Any]) -> list[Bar]:
    """The mean gap of each dimension over all pairs of a set."""
    rows = summary.get("dimensions") or []
    return [
        Bar(row["name"], row["mean_gap"], start, length, row["better"], row["worse"])
        for row, (start, length) in zip(rows, _bars([row["mean_gap"] for row in rows]), strict=True)
    ]
