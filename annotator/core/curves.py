"""Curves of a training, thinned to what a page can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SHOWN = 300  # points of a curve: about two pixels each


@dataclass(frozen=True)
class Curve:
    """``points``: (step, value) of every step, or the means of several; ``held_out``: as measured, none left out."""

    name: str
    points: tuple[tuple[float, float], ...]
    held_out: tuple[tuple[float, float], ...] = ()

    @property
    def last(self) -> float | None:
        return self.points[-1][1] if self.points else None

    @property
    def last_held_out(self) -> float | None:
        return self.held_out[-1][1] if self.held_out else None


def thinned(points: Sequence[tuple[float, float]], most: int = SHOWN) -> tuple[tuple[float, float], ...]:
    """At most ``most`` points: each the mean of as many neighbors, so that nothing is hidden by chance."""
    if len(points) <= most:
        return tuple(points)
    size = -(-len(points) // most)
    parts = [points[start : start + size] for start in range(0, len(points), size)]
    return tuple((part[-1][0], sum(value for _, value in part) / len(part)) for part in parts)
