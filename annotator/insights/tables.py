"""Tables of dashboards: sorted by a column that the address names, and the same rows as CSV and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.http import Http404, HttpResponse, JsonResponse, QueryDict
from django.utils.translation import gettext as _

from annotator.core.charts import Scale, Tick, dot_scale
from reward_engine.evaluation import Interval

Kind = Literal["text", "count", "share", "number", "share_plot", "number_plot", "ranks"]
SHARES = Scale(0.0, 1.0, tuple(Tick(100 * share, f"{100 * share:.0f}%") for share in (0.0, 0.5, 1.0)))


@dataclass(frozen=True)
class Column:
    """``value`` of a row: text, a number, or for plots an :class:`Interval`; None where it cannot be said.

    "ranks" are (best, worst). ``words``: what a text is for programs, where that is not what people read.
    """

    id: str
    label: str
    kind: Kind
    value: Callable[[Any], Any]
    words: Callable[[Any], Any] | None = None

    def order(self, row: Any) -> Any:
        found = self.value(row)
        return found.value if isinstance(found, Interval) else found

    def exported(self, row: Any) -> dict[str, Any]:
        """Name what programs get of a row: an interval is a value and its two ends."""
        found = (self.words or self.value)(row)
        if self.kind == "ranks":
            return dict(zip(_names(self), found or (None, None), strict=True))
        if self.kind not in ("share_plot", "number_plot"):
            return {self.id: found}
        ends = ("", "value"), ("_low", "low"), ("_high", "high")
        return {self.id + end: None if found is None else _plain(getattr(found, name)) for end, name in ends}


@dataclass(frozen=True)
class Cell:
    """``plot``: where the interval begins, its value and its end stand, percent of the drawing's width."""

    kind: Kind
    text: str
    around: str = ""
    plot: tuple[float, float, float] | None = None
    middle: float = 50.0


@dataclass(frozen=True)
class Head:
    """``query`` sorts by this column, the other way round where that is so already; ``direction``: as it is now."""

    column: Column
    query: str
    direction: str


@dataclass(frozen=True)
class Table:
    """``id`` names the table in addresses; the first column leads each row."""

    id: str
    columns: Sequence[Column]
    rows: Sequence[Any]

    def shown(self, query: QueryDict) -> dict[str, Any]:
        """Make heads and rows of cells for a page, in the order that the address asks for.

        A column of texts that are all empty is left out.
        """
        name = f"sort_{self.id}"
        columns = [one for one in self.columns if one.kind != "text" or any(map(one.value, self.rows))]
        asked = query.get(name, "")
        column = next((one for one in columns if one.id == asked.removeprefix("-")), None)
        falling = asked.startswith("-")
        rows = self._sorted(column, falling) if column else list(self.rows)
        scales = {one.id: self._scale(one) for one in columns}
        heads = []
        for one in columns:
            is_by, changed = one is column, query.copy()
            # Names and ranks rise first, figures fall first.
            down = not falling if is_by else one.kind not in ("text", "ranks")
            changed[name] = f"-{one.id}" if down else one.id
            direction = ("descending" if falling else "ascending") if is_by else ""
            heads.append(Head(one, changed.urlencode(), direction))
        return {
            "id": self.id,
            "heads": heads,
            "rows": [[_cell(one, row, scales[one.id]) for one in columns] for row in rows],
        }

    def _sorted(self, column: Column, falling: bool) -> list[Any]:
        """What cannot be said stands last, whichever way round."""
        known = [row for row in self.rows if column.order(row) is not None]
        unknown = [row for row in self.rows if column.order(row) is None]
        return sorted(known, key=column.order, reverse=falling) + unknown

    def _scale(self, column: Column) -> Scale | None:
        if column.kind == "share_plot":
            return SHARES
        if column.kind != "number_plot":
            return None
        found = [one for one in map(column.value, self.rows) if one is not None]
        ends = [(one.value, one.value) for one in found]
        ends += [(one.low, one.high) for one in found if one.low == one.low]
        return dot_scale(ends) if ends else None

    def download(self, form: str) -> HttpResponse:
        """Answer with all rows as a file."""
        rows = [
            {name: one for column in self.columns for name, one in column.exported(row).items()} for row in self.rows
        ]
        if form == "json":
            response: HttpResponse = JsonResponse({"table": self.id, "rows": rows})
        elif form == "csv":
            text = io.StringIO()
            writer = csv.DictWriter(text, [name for column in self.columns for name in _names(column)])
            writer.writeheader()
            writer.writerows(rows)
            response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
        else:
            raise Http404(_("A table comes as csv or json."))
        response["Content-Disposition"] = f'attachment; filename="{self.id}.{form}"'
        return response


def _names(column: Column) -> list[str]:
    if column.kind == "ranks":
        return [f"{column.id}_best", f"{column.id}_worst"]
    ends = ("", "_low", "_high") if column.kind in ("share_plot", "number_plot") else ("",)
    return [column.id + end for end in ends]


def _plain(value: float) -> float | None:
    """NaN is no JSON."""
    return value if value == value else None


def _cell(column: Column, row: Any, scale: Scale | None) -> Cell:
    found, kind = column.value(row), column.kind
    if found is None:
        return Cell(kind, "–")
    if kind == "text":
        return Cell(kind, str(found))
    if kind == "count":
        return Cell(kind, f"{found:,}")
    if kind == "share":
        return Cell(kind, f"{100 * found:.0f}%")
    if kind == "number":
        return Cell(kind, _number(found))
    if kind == "ranks":
        return Cell(kind, f"{found[0]}" if found[0] == found[1] else f"{found[0]}–{found[1]}")
    assert scale is not None
    is_share, has_ends = kind == "share_plot", found.low == found.low
    text = f"{100 * found.value:.0f}%" if is_share else _number(found.value)
    ends = [f"{100 * end:.0f}" if is_share else _number(end) for end in (found.low, found.high)] if has_ends else []
    low, high = (found.low, found.high) if has_ends else (found.value, found.value)
    plot = (scale.at(low), scale.at(found.value), scale.at(high))
    return Cell(kind, text, f"[{', '.join(ends)}]" if ends else "", plot, scale.at(0.5 if is_share else 0.0))


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
