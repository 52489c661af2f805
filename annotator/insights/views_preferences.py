"""What people prefer: generators, people among themselves, and judges beside them."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.core.htmx import part_or_page
from annotator.insights.pages import dashboard
from annotator.insights.preferences.choice import choose
from annotator.insights.preferences.figures import latest_preferences
from annotator.insights.preferences.tables import matrix, tables
from annotator.insights.tables import Table
from annotator.library.models import MediaType


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
@part_or_page
def preferences(request: HttpRequest) -> HttpResponse:
    choice = choose(request.GET)
    context: dict[str, Any] = {"choice": choice, "media_types": MediaType.choices, "query": choice.query}
    if choice.campaigns:
        report = context["report"] = latest_preferences(choice)
        if report.value is not None:
            made = tables(report.value)
            context |= {
                "found": report.value,
                "matrix": matrix(report.value),
                "generators": made["generators"].shown(request.GET),
                "judges": made["judges"].shown(request.GET),
                "unrated": any(row.standing != "rated" for row in report.value.generators),
            }
    return dashboard(request, "preferences", context, request.GET.urlencode())


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def preferences_table(request: HttpRequest, table: str, form: str) -> HttpResponse:
    """One table of the page as a file."""
    choice = choose(request.GET)
    found = latest_preferences(choice).value if choice.campaigns else None
    return table_file(tables(found) if found is not None else {}, table, form)


def table_file(made: dict[str, Table], name: str, form: str) -> HttpResponse:
    """Answer with the table of this name.

    Raises:
        Http404: If there is no such table, or not yet.
    """
    if name not in made:
        raise Http404(_("There is no such table yet. Open the page and wait until it shows its results."))
    return made[name].download(form)
