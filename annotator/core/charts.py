"""Line charts and dot plots as numbers to place: pages draw them as SVG with attributes alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from annotator.core.curves import Curve

WIDTH, HEIGHT = 400.0, 190.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 10.0, 10.0, 24.0


@dataclass(frozen=True)
class Tick:
    at: float
    label: str
    anchor: str = "middle"


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    label: str


@dataclass(frozen=True)
class LineChart:
    """``line``: the points of a polyline; ``dots``: measured now and then; ``level``: where chance or nothing is."""

    line: str
    held_out_line: str
    dots: tuple[Dot, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    level: float | None
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


def line_chart(
    curve: Curve, *, steps: int, low: float | None = None, high: float | None = None, level: float | None = None
) -> LineChart | None:
    """The curve over 0 … ``steps``; None where there is nothing yet.

    Args:
        level: A line to compare with.
    """
    values = [value for _, value in (*curve.points, *curve.held_out) if math.isfinite(value)]
    if not values:
        return None
    values += [] if level is None else [level]
    bottom = min(values) if low is None else low
    top = max(values) if high is None else high
    ticks = nice_ticks(bottom, top)
    bottom, top = min(bottom, ticks[0]), max(top, ticks[-1])
    span = (top - bottom) or 1.0

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / max(steps, 1)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (min(max(value, bottom), top) - bottom) / span

    def path(points: Iterable[tuple[float, float]]) -> str:
        return " ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in points if math.isfinite(value))

    return LineChart(
        line=path(curve.points),
        held_out_line=path(curve.held_out),
        dots=tuple(Dot(x(s), y(v), f"{int(s):,}: {v:.3f}") for s, v in curve.held_out if math.isfinite(v)),
        x_ticks=tuple(
            # The last one must not stick out on the right.
            Tick(x(step), f"{step:,.0f}", "end" if step > 0.97 * steps else "middle")
            for step in nice_ticks(0, steps, most=4)
            if step <= steps
        ),
        y_ticks=tuple(Tick(y(value), _label(value, ticks)) for value in ticks),
        level=None if level is None else y(level),
    )


def nice_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """At most ``most`` + 1 round numbers from at or below ``low`` to at or above ``high``."""
    span = high - low
    if span <= 0 or not math.isfinite(span):
        span = abs(high) or 1.0
    raw = span / most
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, max(last, first + 1) + 1)]


def _label(value: float, ticks: Sequence[float]) -> str:
    step = abs(ticks[1] - ticks[0]) if len(ticks) > 1 else 1.0
    digits = max(0, -math.floor(math.log10(step) + 1e-9)) + (1 if f"{step:.1e}".startswith("2.5") else 0)
    return f"{value:,.{min(digits, 6)}f}".replace("-", "−")


@dataclass(frozen=True)
class Span:
    """One model's change of one quality: a dot and its interval, in percent of the drawing's width."""

    series: int
    at: float
    low: float
    high: float
    y: float


@dataclass(frozen=True)
class DotRow:
    spans: tuple[Span, ...]
    zero: float
    height: float


@dataclass(frozen=True)
class Scale:
    """From ``low`` to ``high``, both sides of zero, for all rows of a plot."""

    low: float
    high: float
    ticks: tuple[Tick, ...]

    def at(self, value: float) -> float:
        return 100 * (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)


ROW, GAP = 12.0, 6.0


def dot_scale(intervals: Iterable[tuple[float, float]]) -> Scale:
    """A scale that holds all these intervals and zero."""
    ends = [0.0]
    for low, high in intervals:
        ends += [low, high]
    ticks = nice_ticks(min(ends), max(ends), most=4)
    scale = Scale(ticks[0], ticks[-1], ())
    return Scale(ticks[0], ticks[-1], tuple(Tick(scale.at(value), _label(value, ticks)) for value in ticks))


def dot_row(changes: Sequence[tuple[float, float, float]], scale: Scale) -> DotRow:
    """(difference, low, high) of each model, one below the other."""
    spans = tuple(
        Span(number, scale.at(value), scale.at(low), scale.at(high), GAP + ROW * number)
        for number, (value, low, high) in enumerate(changes)
    )
    return DotRow(spans, scale.at(0.0), 2 * GAP + ROW * max(len(changes) - 1, 0))
