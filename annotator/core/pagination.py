"""Lists of the API in pages that go on behind the last row seen: what comes in meanwhile repeats no row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core import signing
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from annotator.core.errors import ProblemError

PAGE_SIZE, LARGEST_PAGE = 50, 1000
_SALT = "annotator.core.pagination"


@dataclass(frozen=True)
class Term:
    """One part of a list's order. PostgreSQL puts nulls last where it ascends and first where it descends."""

    name: str
    descending: bool
    nulls_last: bool

    def value(self, row: Any) -> Any:
        for part in self.name.split("__"):
            row = getattr(row, part, None)
        return row

    def behind(self, value: Any) -> Q | None:
        """What comes behind this value; None where nothing does."""
        if value is None:
            return None if self.nulls_last else Q(**{f"{self.name}__isnull": False})
        found = Q(**{f"{self.name}__{'lt' if self.descending else 'gt'}": value})
        return found | Q(**{f"{self.name}__isnull": True}) if self.nulls_last else found

    def same(self, value: Any) -> Q:
        return Q(**{f"{self.name}__isnull": True}) if value is None else Q(**{self.name: value})

    def turned(self) -> Term:
        return Term(self.name, not self.descending, not self.nulls_last)

    def expression(self) -> OrderBy:
        nulls = {"nulls_last": True} if self.nulls_last else {"nulls_first": True}
        usual = self.nulls_last is not self.descending
        return OrderBy(F(self.name), descending=self.descending, **({} if usual else nulls))


class Pagination(BasePagination):
    """``?cursor=`` as the last answer's ``next`` has it, ``?page_size=`` up to 1000.

    ``count`` is how many there were when the first page was asked for: counting again would take longer each time.
    """

    query_names = ("cursor", "page_size")

    def paginate_queryset(self, queryset: QuerySet[Any], request: Request, view: Any = None) -> list[Any]:
        self.request = request
        size = self._size()
        order = order_of(queryset)
        names = [f"{'-' if term.descending else ''}{term.name}" for term in order]
        given = self._given(names)
        backwards = bool(given.get("back"))
        way = [term.turned() for term in order] if backwards else order
        self.count = given["count"] if given else queryset.count()
        found = queryset
        if given:
            found = found.filter(behind(way, [_read(value) for value in given["at"]]))
        rows = list(found.order_by(*(term.expression() for term in way))[: size + 1])
        more = len(rows) > size
        rows = rows[:size]
        if backwards:
            rows.reverse()

        def link(row: Any, back: bool) -> str:
            at = [_written(term.value(row)) for term in order]
            token = {"order": names, "at": at, "count": self.count, **({"back": 1} if back else {})}
            return replace_query_param(
                request.build_absolute_uri(), "cursor", signing.dumps(token, salt=_SALT, compress=True)
            )

        before, after = (more, True) if backwards else (bool(given), more)
        self.next = link(rows[-1], False) if rows and after else None
        self.previous = link(rows[0], True) if rows and before else None
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"count": self.count, "next": self.next, "previous": self.previous, "results": data})

    def _size(self) -> int:
        given = self.request.query_params.get("page_size", "")
        if not given:
            return PAGE_SIZE
        if given.isascii() and given.isdecimal() and 1 <= int(given[:10]) <= LARGEST_PAGE:
            return int(given)
        raise ProblemError(
            _("“page_size” must be a whole number from 1 to %(most)d.") % {"most": LARGEST_PAGE}, code="bad_page_size"
        )

    def _given(self, names: Sequence[str]) -> dict[str, Any]:
        text = self.request.query_params.get("cursor", "")
        if not text:
            return {}
        try:
            given = signing.loads(text, salt=_SALT)
        except (signing.BadSignature, ValueError):
            given = {}
        if given.get("order") != list(names):
            raise ProblemError(
                _("Invalid cursor. Start without one, then follow the “next” link of each response."),
                code="bad_cursor",
            )
        return dict(given)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {"name": "cursor", "required": False, "in": "query", "schema": {"type": "string"},
             "description": "The cursor from `next` of the previous answer. Rows that arrive in the meantime "
             "are not repeated."},
            {"name": "page_size", "required": False, "in": "query",
             "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE_SIZE},
             "description": "Rows per answer."},
        ]  # fmt: skip

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["count", "next", "previous", "results"],
            "properties": {
                "count": {"type": "integer", "description": "Counted when the first page was requested."},
                "next": link,
                "previous": link,
                "results": schema,
            },
        }


def order_of(queryset: QuerySet[Any]) -> list[Term]:
    """The list's order, made definite: its primary key decides between rows that are otherwise the same.

    Where the order names another unique field, that one decides. A cursor can be read by whoever has it, so a list
    whose keys are kept from its readers is ordered by such a field.
    """
    usual = queryset.query.get_meta().ordering if queryset.query.default_ordering else None
    order = [_term(one) for one in queryset.query.order_by or usual or ()]
    key = queryset.model._meta.pk.name
    for place, term in enumerate(order):
        if term.name in ("pk", key):
            return [*order[:place], Term(key, term.descending, not term.descending)]
        field = None if "__" in term.name else queryset.model._meta.get_field(term.name)
        if field is not None and getattr(field, "unique", False) and not field.null:
            return order[: place + 1]
    descends = bool(order) and order[0].descending
    return [*order, Term(key, descends, not descends)]


def _term(given: Any) -> Term:
    if isinstance(given, str):
        descending = given.startswith("-")
        return Term(given.lstrip("-"), descending, not descending)
    if isinstance(given, F):
        return Term(given.name, False, True)  # type: ignore[attr-defined]  # django-stubs lacks it
    descending = bool(given.descending)
    nulls_last = bool(given.nulls_last) if (given.nulls_last or given.nulls_first) else not descending
    return Term(given.expression.name, descending, nulls_last)


def behind(order: Sequence[Term], values: Sequence[Any]) -> Q:
    """The rows that come behind the one with these values, in this order."""
    found = Q(pk__in=[])
    same = Q()
    for term, value in zip(order, values, strict=True):
        later = term.behind(value)
        if later is not None:
            found |= same & later
        same &= term.same(value)
    return found


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"time": value.isoformat()}
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _read(value: Any) -> Any:
    return parse_datetime(value["time"]) if isinstance(value, dict) else value
