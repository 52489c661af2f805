"""The confusion matrix of levels as a table of links: people's level down, the model's across."""

from __future__ import annotations

from dataclasses import dataclass

from annotator.insights.agreement.report import Apart
from reward_engine.checklist import Level, SubDimension


@dataclass(frozen=True)
class Cell:
    """``share`` of the row, 0..1; ``shade`` 0..4 for it."""

    level: Level
    count: int
    share: float
    is_right: bool
    is_chosen: bool

    @property
    def shade(self) -> int:
        return round(4 * self.share)


@dataclass(frozen=True)
class Row:
    """``mean`` expected level of the model over the ``n`` items that people gave this level; None without any."""

    level: Level
    n: int
    mean: float | None
    cells: list[Cell]


def confusion_table(found: Apart, sub: SubDimension, people: int | None, model: int | None) -> list[Row]:
    """Build the rows, the lowest level first; ``people`` and ``model`` are those of the cell that is open."""
    levels = sorted(sub.levels, key=lambda level: level.score)
    counts = found.confusion([level.score for level in levels])
    rows = []
    for level, of_row in zip(levels, counts, strict=True):
        n = int(of_row.sum())
        rows.append(
            Row(
                level=level,
                n=n,
                mean=float(found.expected[found.consensus == level.score].mean()) if n else None,
                cells=[
                    Cell(
                        level=said,
                        count=int(count),
                        share=count / n if n else 0.0,
                        is_right=said is level,
                        is_chosen=(people, model) == (level.score, said.score),
                    )
                    for said, count in zip(levels, of_row, strict=True)
                ],
            )
        )
    return rows
