"""A comparison's result as the rows that its page draws and says."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from annotator.core.charts import DotRow, Scale, dot_row, dot_scale
from annotator.mpo.models import ModelComparison, MpoRun
from reward_engine.checklist import Checklist


@dataclass(frozen=True)
class Tuned:
    """A run in a comparison: ``series`` is its color, ``result`` what the reward model says of it."""

    run: MpoRun
    series: int
    result: dict[str, Any]
    falls: tuple[tuple[str, dict[str, Any]], ...]
    rises: tuple[tuple[str, dict[str, Any]], ...]
    over_optimized: tuple[tuple[str, dict[str, Any]], ...]


@dataclass(frozen=True)
class ChangeRow:
    """One quality: the start's mean, and each run's change of it."""

    name: str
    start: float
    changes: tuple[dict[str, Any], ...]
    drawing: DotRow


@dataclass(frozen=True)
class ChangeTable:
    """``digits`` behind the point that tell the changes apart."""

    scale: Scale
    rows: tuple[ChangeRow, ...]
    digits: int = 3


@dataclass(frozen=True)
class DimensionTable:
    name: str
    table: ChangeTable


def tuned_of(comparison: ModelComparison, runs: Sequence[MpoRun], checklist: Checklist) -> list[Tuned]:
    by_pk = {run.pk: run for run in runs}
    names = {dimension.id: dimension.name for dimension in checklist.dimensions}
    found = []
    for series, result in enumerate(comparison.result["models"]):
        changes = [(names.get(change["name"], change["name"]), change) for change in result["dimensions"]]
        lost = set(result["over_optimized"])
        found.append(
            Tuned(
                run=by_pk[result["run"]],
                series=series,
                result=result,
                falls=tuple(pair for pair in changes if pair[1]["verdict"] == "falls"),
                rises=tuple(pair for pair in changes if pair[1]["verdict"] == "rises"),
                over_optimized=tuple(pair for pair in changes if pair[1]["name"] in lost),
            )
        )
    return found


def change_table(names: Iterable[str], rows: Sequence[Sequence[dict[str, Any]]]) -> ChangeTable:
    """Lay out how means change.

    Args:
        rows: For each name, the change of every run.
    """
    scale = dot_scale((change["low"], change["high"]) for changes in rows for change in changes)
    widest = max(abs(scale.low), abs(scale.high))
    return ChangeTable(
        scale,
        tuple(
            ChangeRow(
                name,
                changes[0]["start"],
                tuple(changes),
                dot_row([(change["difference"], change["low"], change["high"]) for change in changes], scale),
            )
            for name, changes in zip(names, rows, strict=True)
        ),
        digits=min(max(3, 2 - math.floor(math.log10(widest))), 7),
    )


def reward_table(comparison: ModelComparison, name: str) -> ChangeTable:
    return change_table([name], [[result["reward"] for result in comparison.result["models"]]])


def dimensions_table(comparison: ModelComparison, checklist: Checklist) -> ChangeTable:
    models = comparison.result["models"]
    rows = [[result["dimensions"][index] for result in models] for index in range(len(checklist.dimensions))]
    return change_table([dimension.name for dimension in checklist.dimensions], rows)


def sub_dimension_tables(comparison: ModelComparison, checklist: Checklist) -> list[DimensionTable]:
    """By dimension; all on one scale, so that they can be compared."""
    models = comparison.result["models"]
    names = {sub.id: sub.name for sub in checklist.ordinal}
    rows = [[result["sub_dimensions"][index] for result in models] for index in range(len(checklist.ordinal))]
    whole = change_table([names[sub.id] for sub in checklist.ordinal], rows)
    found = []
    for number, dimension in enumerate(checklist.dimensions):
        picked = tuple(
            row for row, owner in zip(whole.rows, checklist.ordinal_dimension, strict=True) if owner == number
        )
        if picked:
            found.append(DimensionTable(dimension.name, ChangeTable(whole.scale, picked, whole.digits)))
    return found
