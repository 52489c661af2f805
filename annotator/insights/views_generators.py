"""Which generators are best, by a version of the reward model and by people."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django_htmx.http import push_url

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.core.htmx import htmx_of, part_or_page, wants_part
from annotator.insights.agreement import Choice, choose
from annotator.insights.generators.figures import latest_generators
from annotator.insights.generators.tables import MOST, drawings, tables
from annotator.insights.views_preferences import table_file
from annotator.library.models import MediaType


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
@part_or_page
def generators(request: HttpRequest) -> HttpResponse:
    choice = choose(request.GET)
    report = latest_generators(choice)
    context: dict[str, Any] = {
        "choice": choice, "media_types": MediaType.choices, "query": _query(choice), "report": report,
    }  # fmt: skip
    if report.value is not None:
        context |= {
            "found": report.value,
            "leaderboard": tables(report.value)["leaderboard"].shown(request.GET),
            "drawings": drawings(report.value),
            "left_out": max(len(report.value.rows) - MOST, 0),
        }
    if wants_part(request):
        response = render(request, "insights/_generators.html", context)
        if htmx_of(request).target != "generators":
            return response  # newer figures of the same page, which asks for them by itself
        return push_url(response, f"{request.path}?{request.GET.urlencode()}")
    return render(request, "insights/generators.html", context)


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def generators_table(request: HttpRequest, table: str, form: str) -> HttpResponse:
    """One table of the page as a file."""
    found = latest_generators(choose(request.GET)).value
    return table_file(tables(found) if found is not None else {}, table, form)


def _query(choice: Choice) -> str:
    """The choice as an address has it; all of it are words and numbers."""
    query = {"media_type": choice.media_type}
    query |= {"model": str(choice.model.pk)} if choice.model else {}
    query |= {"campaign": str(choice.campaign.pk)} if choice.campaign else {}
    return "&".join(f"{name}={value}" for name, value in query.items())
