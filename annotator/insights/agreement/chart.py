"""Where the dots of the agreement chart stand: percent of the drawing's width."""

from __future__ import annotations

import math
from dataclasses import dataclass

from annotator.insights.agreement.report import SubDimensionAgreement


@dataclass(frozen=True)
class Dots:
    row: SubDimensionAgreement
    model: float | None
    people: float | None

    @property
    def between(self) -> tuple[float, float] | None:
        """(start, length) of the line between both dots."""
        if self.model is None or self.people is None:
            return None
        return min(self.model, self.people), abs(self.model - self.people)


@dataclass(frozen=True)
class Chart:
    """``ticks``: (position, kappa). The scale ends at 1, perfect, and begins where the worst dot asks for it."""

    dots: list[Dots]
    ticks: list[tuple[float, float]]


MARGIN = 3.0  # percent kept free at both ends, so that no dot is cut


def chart(rows: list[SubDimensionAgreement]) -> Chart:
    known = [value for row in rows for value in (row.model.kappa, row.people_kappa) if value is not None]
    # In steps of 0.2, so that the scale does not move with every annotation; what is worse than −1 stands at its end.
    steps = min(5, max(0, math.ceil(-min(known, default=0.0) / 0.2 - 1e-9)))
    low = -0.2 * steps

    def place(value: float | None) -> float | None:
        if value is None:
            return None
        return MARGIN + (100 - 2 * MARGIN) * (max(value, low) - low) / (1 - low)

    marks = [round(low + 0.2 * step, 1) for step in range(steps + 6)]
    return Chart(
        dots=[Dots(row, place(row.model.kappa), place(row.people_kappa)) for row in rows],
        ticks=[(place(mark) or 0.0, mark + 0.0) for mark in marks],
    )
