"""A choice from a list that may be long: the newest rows are offered, the others are found by search.

Use the field in a form, and give its page an address that answers searches (``search_options.options_of``) behind the
same role as the page. A short list is a plain select.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from annotator.core.numbers import whole

OFFERED = 50
LONGEST_QUERY = 200

Option = tuple[int, str]


@dataclass(frozen=True)
class Offered:
    """The options of a select.

    ``chosen`` is the present choice where it is none of ``rows``. ``more``: whether the list has rows beyond these.
    """

    rows: list[Option]
    chosen: Option | None
    more: bool
    query: str = ""


class Sent(str):
    """What a select sent, and the ``query`` sent with it: a browser without JavaScript sends both at once."""

    query: str = ""


class SearchSelect(forms.Select):
    """A select with a search field above it where the list is long."""

    template_name = "core/search_select.html"

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        value = Sent(super().value_from_datadict(data, files, name) or "")
        value.query = data.get(f"{name}-search", "").strip()[:LONGEST_QUERY]
        return value

    def use_required_attribute(self, initial: Any) -> bool:
        # As a plain select, which would read a row to find out whether the first option is empty.
        return forms.Widget.use_required_attribute(self, initial) and self._field.empty_label is not None

    @property
    def _field(self) -> SearchChoiceField:
        return cast("_Rows", self.choices).field

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        field = self._field
        context = forms.Widget.get_context(self, name, value, attrs)
        offered = field.offered(getattr(value, "query", ""), value)
        empty = "" if field.empty_label is None else str(field.empty_label)
        given = {"name": name, "id": context["widget"]["attrs"].get("id", ""), "empty": empty}
        context["widget"] |= {
            "field": field,
            "offered": offered,
            "empty": empty,
            "chosen": "" if value is None else str(value),
            "searched": offered.more or bool(offered.query),
            "address": reverse(field.address),
            "sent_along": json.dumps(given),
        }
        return context


class _Rows(forms.models.ModelChoiceIterator):
    """Keeps whoever walks through the choices from reading the whole list."""

    field: SearchChoiceField

    def __iter__(self) -> Any:
        if self.field.empty_label is not None:
            yield "", self.field.empty_label
        yield from self.field.offered().rows


class SearchChoiceField(forms.ModelChoiceField):
    """One row of a list that may be long. Every row of the queryset is valid, whether it was offered or not.

    ``queryset``: in the order in which rows are offered, the newest first. ``address``: name of the URL that answers
    searches. ``lookups``: fields in which the words of a search are looked for. ``label_of``: what an option says; the
    row's own text otherwise.
    """

    widget = SearchSelect
    iterator = _Rows

    def __init__(
        self, queryset: QuerySet[Any], *, address: str, lookups: tuple[str, ...] = ("name",),
        label_of: Callable[[Any], str] = str, **options: Any,
    ) -> None:  # fmt: skip
        self.address, self.lookups, self.label_of = address, lookups, label_of
        super().__init__(queryset, **options)

    def label_from_instance(self, obj: Model) -> str:
        return self.label_of(obj)

    def matching(self, query: str) -> QuerySet[Any]:
        """The rows in which every word of the query is found."""
        rows = cast("QuerySet[Any]", self.queryset).all()
        for word in query[:LONGEST_QUERY].split():
            found = Q()
            for lookup in self.lookups:
                found |= Q(**{f"{lookup}__icontains": word})
            rows = rows.filter(found)
        return rows

    def offered(self, query: str = "", value: object = None) -> Offered:
        """The first rows that match, and the chosen one in any case."""
        found = list(self.matching(query)[: OFFERED + 1])
        rows = [self._option(row) for row in found[:OFFERED]]
        pk = whole("" if value is None else str(value))
        chosen = None
        if pk is not None and pk not in {known for known, _label in rows}:
            row = cast("QuerySet[Any]", self.queryset).filter(pk=pk).first()
            chosen = None if row is None else self._option(row)
        return Offered(rows, chosen, more=len(found) > OFFERED, query=query)

    def clean(self, value: Any) -> Any:
        if query := getattr(value, "query", ""):
            self._check_found(query, self.to_python(value))
        return super().clean(value)

    def _check_found(self, query: str, row: Model | None) -> None:
        matching = self.matching(query)
        if row is not None and matching.filter(pk=row.pk).exists():
            return
        if matching.exists():
            raise ValidationError(
                _("Choose one of the matches for “%(query)s”, or clear the search."),
                code="not_found", params={"query": query},
            )  # fmt: skip
        raise ValidationError(
            _("Nothing matches “%(query)s”. Change or clear the search."), code="nothing", params={"query": query}
        )

    def _option(self, row: Model) -> Option:
        return row.pk, self.label_from_instance(row)
