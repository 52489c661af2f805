"""Runs: the list, the form with its estimate, one run as it is trained, what it leaves."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.core.charts import line_chart
from annotator.core.downloads import content_type, zipped
from annotator.core.errors import ProblemError
from annotator.core.htmx import part_or_page, wants_part
from annotator.core.search_options import options_of
from annotator.jobs.services import request_cancel
from annotator.mpo import queries, services
from annotator.mpo.curves import Curve, curves_of
from annotator.mpo.families import class_named, family_name
from annotator.mpo.forms.runs import RunForm
from annotator.mpo.models import MpoRun
from annotator.mpo.queries.runs import grid_preview
from annotator.mpo.services.runs import state_of
from reward_engine.mpo.training import Settings

RUNS_A_PAGE = 25


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
@part_or_page
def runs(request: HttpRequest) -> HttpResponse:
    page = Paginator(queries.runs(), RUNS_A_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "live": queries.any_unfinished()}
    return render(request, "mpo/_runs.html" if wants_part(request) else "mpo/runs.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def run_new(request: HttpRequest) -> HttpResponse:
    """The form. A POST with ``check`` shows the estimate without starting, for browsers without JavaScript."""
    given = request.POST if request.method == "POST" else None
    name = (given or request.GET).get("pipeline", "")
    initial = {"pair_set": request.GET.get("pairs"), "pipeline": name} if given is None else None
    form = RunForm(given, defaults=_defaults(name), initial=initial)
    context = {"form": form, "pair_sets": queries.trainable_sets().exists(), "family": family_name(class_named(name))}
    if given is not None and form.is_valid():
        try:
            if "check" in given:
                context |= _estimated(form)
            else:
                run = services.create_run(**form.options(), name=form.cleaned_data["name"], requested_by=request.user)
                messages.success(request, _("The run is waiting for a worker."))
                return redirect("mpo:run", pk=run.pk)
        except ProblemError as problem:
            form.refuse(problem.message, problem.details.get("field"))
    return render(request, "mpo/run_new.html", context, status=422 if form.errors else 200)


run_pair_sets = role_required(Role.ADMIN)(options_of(RunForm.base_fields["pair_set"]))


@require_safe
@role_required(Role.ADMIN)
def run_defaults(request: HttpRequest) -> HttpResponse:
    """The settings with the defaults of the family of a pipeline, as soon as one is named."""
    name = request.GET.get("pipeline", "")
    form = RunForm(defaults=_defaults(name))
    response = render(
        request, "mpo/_run_settings.html", {"form": form, "family": family_name(class_named(name)), "named": name}
    )
    response["HX-Trigger-After-Settle"] = "settings-changed"
    return response


@require_safe
@role_required(Role.ADMIN)
def run_estimate(request: HttpRequest) -> HttpResponse:
    """What the run in the form would take, as one types."""
    form = RunForm(request.GET)
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        try:
            context |= _estimated(form)
        except ProblemError as problem:
            context["problem"] = problem.message
    return render(request, "mpo/_run_estimate.html", context)


def _estimated(form: RunForm) -> dict[str, Any]:
    plan = services.plan_run(**form.options())
    return {"plan": plan, "estimate": services.estimate_run(plan), "estimated": True}


def _defaults(pipeline: str) -> Settings:
    return Settings.for_family(class_named(pipeline) or "")


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
@part_or_page
def run(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(queries.runs(), pk=pk)
    context = _live(found)
    if wants_part(request):
        return render(request, "mpo/_run_live.html", context)
    return render(request, "mpo/run.html", context | _samples(found))


def _live(found: MpoRun) -> dict[str, Any]:
    curves = curves_of(found.folder)
    steps = int(found.settings["steps"])
    return {
        "run": found,
        "family": family_name(found.pipeline_class),
        "job": found.job,
        "state": state_of(found),
        "live": found.job is not None and not found.job.is_finished,
        "curves": curves,
        "steps": steps,
        "time_left": curves.time_left(steps),
        "charts": [
            (_("Loss"), "loss", curves.loss, line_chart(curves.loss, steps=steps, level=0.6931)),
            (
                _("Implicit-reward accuracy"), "accuracy", curves.accuracy,
                line_chart(curves.accuracy, steps=steps, low=0.0, high=1.0, level=0.5),
            ),
            (_("Implicit-reward margin"), "margin", curves.margin, line_chart(curves.margin, steps=steps, level=0.0)),
        ],
        "warning": _warning(curves.margin),
        "comparisons": found.comparisons.all()[:10] if found.finished_at else [],
    }  # fmt: skip


def _warning(margin: Curve) -> str:
    """What the margin says of a run that goes astray; the learner is not to be believed beyond the reference."""
    value = margin.last_held_out if margin.last_held_out is not None else margin.last
    if value is not None and value > 100:
        return _(
            "The margin has reached hundreds: the model has drifted away from the reference model. Check the "
            "samples; a higher β or a lower learning rate keeps it closer."
        )
    return ""


def _samples(found: MpoRun) -> dict[str, Any]:
    grids = queries.grids(found)
    prompts = queries.sample_prompts(found) if grids else []
    return {"run": found, "grids": grids, "last_grid": grids[-1] if grids else None, "prompts": prompts}


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def run_samples(request: HttpRequest, pk: int) -> HttpResponse:
    """The filmstrip; nothing (204) while there are no more grids than the page has."""
    found = get_object_or_404(queries.runs(), pk=pk)
    context = _samples(found)
    live = found.job is not None and not found.job.is_finished
    if live and request.GET.get("have") == str(len(context["grids"])):
        return HttpResponse(status=204)
    return render(request, "mpo/_run_samples.html", context | {"live": live})


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
@cache_control(private=True, max_age=86_400)
def run_grid(request: HttpRequest, pk: int, step: int) -> HttpResponseBase:
    """The samples of a step, made small for the page; ``?full`` gives them as they were drawn."""
    found = get_object_or_404(MpoRun, pk=pk)
    path = queries.grid_file(found, step)
    if path is None:
        raise Http404(_("There are no samples for this step."))
    if "full" in request.GET:
        return FileResponse(path.open("rb"), content_type="image/png")
    return FileResponse(grid_preview(path).open("rb"), content_type="image/webp")


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def run_download(request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    """One file of the result, or ``all.zip``. Only files of the result are ever opened."""
    found = get_object_or_404(queries.finished_runs(), pk=pk)
    try:
        files = dict(queries.artifacts(found))
    except ProblemError as problem:
        messages.error(request, problem.message)
        return redirect("mpo:run", pk=pk)
    stem = slugify(found.name)[:60] or f"run-{found.pk}"
    if name == "all.zip":
        return StreamingHttpResponse(
            zipped(stem, files), content_type="application/zip",
            headers={"Content-Disposition": f'attachment; filename="{stem}.zip"'},
        )  # fmt: skip
    if name not in files:
        raise Http404(_("This run has no such file."))
    path = files[name]
    return FileResponse(
        path.open("rb"), as_attachment=True, filename=f"{stem}-{path.name}", content_type=content_type(path)
    )


@require_POST
@role_required(Role.ADMIN)
def run_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(queries.runs(), pk=pk)
    try:
        if found.job is None:
            raise ProblemError(_("This run has no job to cancel."))
        job = request_cancel(job=found.job)
        messages.success(
            request,
            _("Run canceled.") if job.is_finished else _("The run stops after this step and keeps its state."),
        )
    except ProblemError as problem:
        messages.error(request, problem.message)
    return redirect("mpo:run", pk=pk)


@require_POST
@role_required(Role.ADMIN)
def run_resume(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(queries.runs(), pk=pk)
    try:
        services.resume_run(run=found, requested_by=request.user)
        messages.success(request, _("The run resumes from its last state when a worker picks it up."))
    except ProblemError as problem:
        messages.error(request, problem.message)
    return redirect("mpo:run", pk=pk)
