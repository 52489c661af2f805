"""The addresses that answer searches of ``SearchChoiceField``s with options."""

from __future__ import annotations

import re
from collections.abc import Callable

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotator.core.search_choices import LONGEST_QUERY, SearchChoiceField

_ID = re.compile(r"[A-Za-z][\w-]{0,80}", re.ASCII)


def options_of(field: forms.Field) -> Callable[..., HttpResponse]:
    """Make a view that answers with the options of a field. Put it behind the role of the field's page."""
    if not isinstance(field, SearchChoiceField):
        raise TypeError(f"{type(field).__name__} is not searched")

    @require_safe
    def options(request: HttpRequest) -> HttpResponse:
        """``name`` of the select; its value and its search (``…-search``) come under their own names."""
        name = request.GET.get("name", "")
        value = request.GET.get(name, "")
        query = request.GET.get(f"{name}-search", "").strip()[:LONGEST_QUERY]
        given = request.GET.get("id", "")
        context = {
            "offered": field.offered(query, value),
            "empty": request.GET.get("empty", ""),
            "chosen": value,
            "id": given if _ID.fullmatch(given) else "",
        }
        return render(request, "core/_search_answer.html", context)

    return options
