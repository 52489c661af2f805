"""The tables of the generators page, and its drawings by dimension."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from annotator.core.charts import DotRow, Tick, dot_row, dot_scale
from annotator.insights.generators.report import DimensionRows, GeneratorReport, GeneratorRow
from annotator.insights.tables import Column, Table
from reward_engine.evaluation import Interval, Place

MOST = 12
"""So many generators are drawn by dimension; the file has all."""


def tables(found: GeneratorReport) -> dict[str, Table]:
    """Make the tables by their names in addresses."""
    made = (_leaderboard(found), _by_dimension(found))
    return {table.id: table for table in made}


def _leaderboard(found: GeneratorReport) -> Table:
    columns = [Column("generator", _("Generator"), "text", lambda row: row.name)]
    if any(row.model for row in found.rows):
        columns += [
            Column("reward_rank", _("Rank by reward"), "ranks", lambda row: _ranks(row.model)),
            Column("reward", _("Reward"), "number_plot", lambda row: _interval(row.model)),
            Column("items", _("Items"), "count", lambda row: row.model.items),
            Column("prompts", _("Prompts"), "count", lambda row: row.model.prompts),
        ]
    if any(row.people for row in found.rows):
        wins = found.basis == "wins"
        columns += [
            Column("human_rank", _("Rank by people"), "ranks", lambda row: _ranks(row.people)),
            Column(
                "human_wins" if wins else "human_reward",
                _("Share won") if wins else _("Human reward"),
                "share_plot" if wins else "number_plot",
                lambda row: _interval(row.people),
            ),
            Column("human_items", _("Judged items"), "count", lambda row: row.people.items),
        ]
    return Table("leaderboard", columns, found.rows)


def _by_dimension(found: GeneratorReport) -> Table:
    columns = (
        Column("dimension", _("Dimension"), "text", lambda row: row[0].name, words=lambda row: row[0].id),
        Column("generator", _("Generator"), "text", lambda row: row[1].name),
        Column("reward_rank", _("Rank by reward"), "ranks", lambda row: _ranks(row[2])),
        Column("reward", _("Reward"), "number_plot", lambda row: _interval(row[2])),
        Column("human_rank", _("Rank by people"), "ranks", lambda row: _ranks(row[3])),
        Column("human_reward", _("Human reward"), "number_plot", lambda row: _interval(row[3])),
    )
    return Table("dimensions", columns, list(_dimension_rows(found)))


def _dimension_rows(found: GeneratorReport) -> Iterator[tuple[DimensionRows, GeneratorRow, Place | None, Place | None]]:
    for dimension in found.dimensions:
        for index, row in enumerate(found.rows):
            model, people = (side[index] if side else None for side in (dimension.model, dimension.people))
            yield dimension, row, model, people


def _ranks(place: Place | None) -> tuple[int, int] | None:
    return None if place is None or place.best is None or place.worst is None else (place.best, place.worst)


def _interval(place: Place | None) -> Interval | None:
    if place is None or place.mean is None:
        return None
    return place.interval or Interval(place.mean, float("nan"), float("nan"))


@dataclass(frozen=True)
class Drawing:
    """One dimension: a row per generator with a dot of the model's reward and one of people's."""

    name: str
    ticks: tuple[Tick, ...]
    rows: list[tuple[str, DotRow]]


def drawings(found: GeneratorReport) -> list[Drawing]:
    """Draw each dimension with a scale of its own."""
    return [_drawing(dimension, found.rows[:MOST]) for dimension in found.dimensions]


def _drawing(dimension: DimensionRows, rows: list[GeneratorRow]) -> Drawing:
    dots = [[_dot(side, index) for side in (dimension.model, dimension.people)] for index in range(len(rows))]
    scale = dot_scale((low, high) for row in dots for dot in row if dot for _value, low, high in [dot])
    drawn = []
    for row, sides in zip(rows, dots, strict=True):
        found = dot_row([dot for dot in sides if dot], scale)
        missing = sides[0] is None  # people's dots keep their color where the model has none
        spans = tuple(replace(span, series=1) for span in found.spans) if missing else found.spans
        drawn.append((row.name, DotRow(spans, found.zero, found.height)))
    middle = scale.at(0.0)
    ticks = [tick for tick in scale.ticks if abs(tick.at - middle) < 1 or _is_end(tick, middle)]
    return Drawing(dimension.name, tuple(ticks), drawn)


def _is_end(tick: Tick, middle: float) -> bool:
    """Whether it ends the scale, with room for its label beside that of zero."""
    return min(tick.at, 100 - tick.at) < 1 and abs(tick.at - middle) > 20


def _dot(places: list[Place] | None, index: int) -> tuple[float, float, float] | None:
    place = places[index] if places else None
    if place is None or place.mean is None:
        return None
    return (place.mean, place.interval.low, place.interval.high) if place.interval else (place.mean,) * 3
