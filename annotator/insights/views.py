"""Where model and people agree, and the items on which they do not."""

from collections import Counter
from typing import Any

from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.campaigns.checklists import checklist_of
from annotator.core.htmx import part_or_page
from annotator.core.numbers import whole
from annotator.insights.agreement import Choice, choose
from annotator.insights.agreement.chart import chart
from annotator.insights.agreement.confusion import confusion_table
from annotator.insights.agreement.figures import Refusal, latest_comparison, latest_disagreements
from annotator.insights.agreement.report import Disagreement
from annotator.insights.agreement.table import as_csv, flat_rows, known_sort, sorted_rows
from annotator.insights.pages import dashboard
from annotator.library.models import Item, MediaType
from reward_engine.checklist import Checklist, Level, SubDimension
from reward_engine.errors import ChecklistError

ITEMS_A_PAGE = 24


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
@part_or_page
def agreement(request: HttpRequest) -> HttpResponse:
    choice = choose(request.GET)
    sort, with_questions = known_sort(request.GET.get("sort", "")), bool(request.GET.get("questions"))
    context: dict[str, Any] = {**_context(choice), "sort": sort, "with_questions": with_questions}
    if choice.campaigns:
        report = context["report"] = latest_comparison(choice)
        if isinstance(report.value, Refusal):
            context["problem"] = report.value.message
        elif report.value:
            context |= {
                "found": report.value,
                "rows": sorted_rows(report.value, sort),
                "columns": _columns(sort),
                "chart": chart(report.value.rows),
            }
    return dashboard(request, "agreement", context, f"{context['query']}&sort={sort}" + "&questions=1" * with_questions)


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def agreement_file(request: HttpRequest, format: str) -> HttpResponse:
    """The table as CSV or JSON, with every question; back to the page where a worker has not made it yet."""
    if format not in ("csv", "json"):
        raise Http404(_("The table can be downloaded as csv or json."))
    choice = choose(request.GET)
    found = latest_comparison(choice).value if choice.campaigns else None
    if found is None or isinstance(found, Refusal):
        return redirect(f"{reverse('insights:agreement')}?{_context(choice)['query']}")
    named = {"Content-Disposition": f'attachment; filename="agreement.{format}"'}
    if format == "json":
        return JsonResponse({"basis": found.basis, "rows": flat_rows(found)}, headers=named)
    return HttpResponse(as_csv(found), content_type="text/csv; charset=utf-8", headers=named)


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def disagreements(request: HttpRequest, sub_dimension: str) -> HttpResponse:
    """The items of one ladder, those first on which model and people are furthest apart."""
    choice = choose(request.GET)
    if choice.model is None or not choice.campaigns:
        raise Http404(_("There is no reward model with annotations to compare."))
    checklist = checklist_of(choice.model.checklist_version)
    sub = _ladder(checklist, sub_dimension)
    context: dict[str, Any] = {**_context(choice), "sub": sub}
    report = context["report"] = latest_disagreements(choice, sub.id)
    found = report.value
    if isinstance(found, Refusal):
        context["problem"] = found.message
    elif found is not None:
        people, model = (whole(request.GET.get(name, ""), least=-99) for name in ("people", "judge"))
        shown = found.only(people, model)
        page = Paginator(shown, ITEMS_A_PAGE).get_page(request.GET.get("page"))
        context |= {
            "confusion": confusion_table(found, sub, people, model),
            "cell": {"people": _level(sub, people), "model": _level(sub, model)},
            "is_cell": people is not None or model is not None,
        }
        context |= {"page": page, "rows": _rows(page, sub), "is_held_out": found.basis == choice.basis == "held-out"}
    return render(request, "insights/disagreements.html", context)


def _context(choice: Choice) -> dict[str, Any]:
    query = choice.query("media_type", "basis", "model", "campaign", "generator")
    return {"choice": choice, "media_types": MediaType.choices, "query": query}


def _columns(sort: str) -> list[dict[str, Any]]:
    """The columns that can be sorted by: what a click asks for, and which way the column stands now."""
    names = {
        "n": _("Items"), "kappa": _("Kappa"), "ceiling": _("Human ceiling"), "gap": _("Gap"), "alpha": _("Alpha"),
        "balanced_accuracy": _("Balanced accuracy"), "accuracy": _("Accuracy"), "spearman": _("Spearman"),
        "bias": _("Bias"),
    }  # fmt: skip
    return [
        {
            "name": name,
            "label": label,
            "ask": name if sort == f"-{name}" else f"-{name}",
            "order": {name: "ascending", f"-{name}": "descending"}.get(sort),
        }
        for name, label in names.items()
    ]


def _level(sub: SubDimension, score: int | None) -> Level | None:
    """The level of the ladder with this score.

    Raises:
        Http404: If the ladder has none.
    """
    if score is None:
        return None
    try:
        return sub.level(score)
    except ChecklistError as error:
        raise Http404(error.message) from error


def _ladder(checklist: Checklist, id: str) -> SubDimension:
    try:
        return checklist.ordinal[checklist.ordinal_index(id)]
    except ChecklistError as error:
        raise Http404(error.message) from error


def _rows(page: "Page[Disagreement]", sub: SubDimension) -> list[dict[str, Any]]:
    items = Item.objects.select_related("prompt", "generator").in_bulk([row.item for row in page])
    return [
        {
            "row": row,
            "item": items[row.item],
            "people": sub.level(row.consensus),
            "model": sub.level(row.level),
            "said": [f"{n} × {sub.level(level).name}" for level, n in Counter(row.said).items()],
        }
        for row in page
        if row.item in items  # not deleted since
    ]
