"""Which generators are best, by a version of the reward model and by people."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.core.htmx import part_or_page
from annotator.insights.agreement import choose
from annotator.insights.generators.figures import latest_generators
from annotator.insights.generators.tables import MOST, drawings, tables
from annotator.insights.pages import dashboard
from annotator.insights.views_preferences import table_file
from annotator.library.models import MediaType


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
@part_or_page
def generators(request: HttpRequest) -> HttpResponse:
    choice = choose(request.GET)
    report = latest_generators(choice)
    context: dict[str, Any] = {
        "choice": choice, "media_types": MediaType.choices, "report": report,
        "query": choice.query("media_type", "model", "campaign"),
    }  # fmt: skip
    if report.value is not None:
        context |= {
            "found": report.value,
            "leaderboard": tables(report.value)["leaderboard"].shown(request.GET),
            "drawings": drawings(report.value),
            "left_out": max(len(report.value.rows) - MOST, 0),
        }
    return dashboard(request, "generators", context, request.GET.urlencode())


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def generators_table(request: HttpRequest, table: str, form: str) -> HttpResponse:
    """One table of the page as a file."""
    found = latest_generators(choose(request.GET)).value
    return table_file(tables(found) if found is not None else {}, table, form)
