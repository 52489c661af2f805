"""Dashboards: a page with choices above its figures, each answered whole or as the part that htmx asks for."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django_htmx.http import push_url

from annotator.core.htmx import htmx_of, wants_part


def dashboard(request: HttpRequest, name: str, context: dict[str, Any], query: str) -> HttpResponse:
    """Answer with the page ``insights/NAME.html`` or its part ``insights/_NAME.html``.

    Args:
        name: Of the templates, and the id of the part that a changed choice replaces.
        query: What the address says then.
    """
    if not wants_part(request):
        return render(request, f"insights/{name}.html", context)
    response = render(request, f"insights/_{name}.html", context)
    if htmx_of(request).target != name:
        return response  # newer figures of the same page, which asks for them by itself
    return push_url(response, f"{request.path}?{query}")
