"""Comparisons: the list, the form, the answer, and asking people."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.campaigns.checklists import checklist_in
from annotator.core.errors import ProblemError
from annotator.core.htmx import htmx_of, part_or_page, wants_part
from annotator.core.numbers import whole
from annotator.core.search_options import options_of
from annotator.jobs.services import request_cancel
from annotator.mpo import comparison_rows
from annotator.mpo.forms.comparisons import AskForm, ComparisonForm
from annotator.mpo.models import ModelComparison, MpoRun
from annotator.mpo.queries import comparisons as queries
from annotator.mpo.run_choice import run_choice
from annotator.mpo.services.comparisons import create_comparison, resume_comparison
from annotator.mpo.services.verdicts import ask_people

ROWS_A_PAGE = 8


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
@part_or_page
def comparisons(request: HttpRequest) -> HttpResponse:
    page = Paginator(queries.comparisons(), 25).get_page(request.GET.get("page"))
    context = {"page": page, "live": queries.any_comparing()}
    return render(request, "mpo/_comparisons.html" if wants_part(request) else "mpo/comparisons.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
@part_or_page
def comparison_new(request: HttpRequest) -> HttpResponse:
    """The form; for htmx, its list of runs. A POST with ``look`` or ``page`` shows other runs and compares nothing."""
    posted = request.method == "POST"
    given = request.POST if posted else request.GET
    if wants_part(request):
        return render(request, "mpo/_run_choice.html", {"choice": run_choice(given, given.getlist("runs"))})
    looks = posted and ("look" in given or "page" in given)
    if looks:
        form = ComparisonForm(initial=given.dict() | {"runs": given.getlist("runs")})
    elif posted:
        form = ComparisonForm(given)
    else:
        form = ComparisonForm(initial={"runs": _beside(given.getlist("runs"))})
    if posted and not looks and form.is_valid():
        try:
            made = create_comparison(**form.options(), requested_by=request.user)
        except ProblemError as problem:
            form.refuse(problem.message, problem.details.get("field"))
        else:
            messages.success(request, _("The comparison is waiting for a worker."))
            return redirect("mpo:comparison", pk=made.pk)
    context = {"form": form, "choice": run_choice(given, form["runs"].value() or [])}
    return render(request, "mpo/comparison_new.html", context, status=422 if form.errors else 200)


def _beside(asked: list[str]) -> list[int]:
    """The runs asked for. Where it is one, the newest of the other objective beside it: the baseline, or the rival."""
    runs = [pk for one in asked if (pk := whole(one)) is not None]
    rival = queries.rival_of(runs[0]) if len(runs) == 1 else None
    return runs if rival is None else [*runs, rival.pk]


comparison_prompt_sets = role_required(Role.ADMIN)(options_of(ComparisonForm.base_fields["prompt_set"]))


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
@part_or_page
def comparison(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(queries.comparisons(), pk=pk)
    context: dict[str, Any] = {
        "comparison": found,
        "job": found.job,
        "live": found.job is not None and not found.job.is_finished,
        "runs": sorted(found.runs.all(), key=lambda run: run.pk),
    }
    if found.finished_at is None:
        return render(request, "mpo/_comparison_live.html" if wants_part(request) else "mpo/comparison.html", context)
    context |= _gallery(request, found, context["runs"])
    if wants_part(request) and htmx_of(request).target == "gallery":
        return render(request, "mpo/_comparison_gallery.html", context)
    context |= _answer(found, context["runs"])
    return render(request, "mpo/_comparison_done.html" if wants_part(request) else "mpo/comparison.html", context)


def _answer(found: ModelComparison, runs: list[MpoRun]) -> dict[str, Any]:
    checklist = checklist_in(found.reward_model.checklist_version, get_language())
    tuned = comparison_rows.tuned_of(found, runs, checklist)
    asked = queries.verdicts(found)
    names = {run.pk: run for run in runs}
    return {
        "tuned": tuned,
        "reward_table": comparison_rows.reward_table(found, _("Reward")),
        "dimensions": comparison_rows.dimensions_table(found, checklist),
        "sub_dimensions": comparison_rows.sub_dimension_tables(found, checklist),
        "between": [
            {**pair, "one": names[pair["against"]], "other": names[pair["run"]]} for pair in found.result["between"]
        ],
        "people": [
            {"tuned": one, "said": queries.verdict_of(asked[one.run.pk]) if one.run.pk in asked else None}
            for one in tuned
        ],
        "ask_form": AskForm(),
    }


def _gallery(request: HttpRequest, found: ModelComparison, runs: list[MpoRun]) -> dict[str, Any]:
    order = request.GET.get("order", "prompt")
    page = Paginator(queries.gallery_keys(found, runs, order), ROWS_A_PAGE).get_page(request.GET.get("page"))
    return {"page": page, "rows": queries.gallery_of(found, runs, list(page)), "order": order}


@require_POST
@role_required(Role.ADMIN)
def comparison_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(queries.comparisons(), pk=pk)
    try:
        if found.job is None:
            raise ProblemError(_("This comparison has no job to cancel."))
        request_cancel(job=found.job)
        messages.success(request, _("The comparison stops. Generated items are kept so that you can resume it."))
    except ProblemError as problem:
        messages.error(request, problem.message)
    return redirect("mpo:comparison", pk=pk)


@require_POST
@role_required(Role.ADMIN)
def comparison_resume(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(queries.comparisons(), pk=pk)
    try:
        resume_comparison(comparison=found, requested_by=request.user)
        messages.success(request, _("The comparison resumes when a worker picks it up."))
    except ProblemError as problem:
        messages.error(request, problem.message)
    return redirect("mpo:comparison", pk=pk)


@require_POST
@role_required(Role.ADMIN)
def comparison_ask(request: HttpRequest, pk: int, run: int) -> HttpResponse:
    """Send a sample to annotators."""
    found = get_object_or_404(queries.comparisons(), pk=pk)
    tuned = get_object_or_404(found.runs, pk=run)
    form = AskForm(request.POST)
    if not form.is_valid():
        for errors in form.errors.values():
            for error in errors:
                messages.error(request, str(error))
        return redirect("mpo:comparison", pk=pk)
    try:
        verdict = ask_people(comparison=found, run=tuned, requested_by=request.user, **form.cleaned_data)
        messages.success(request, _("The campaign “%(name)s” is open to annotators.") % {"name": verdict.campaign.name})
    except ProblemError as problem:
        messages.error(request, problem.message)
    return redirect("mpo:comparison", pk=pk)
