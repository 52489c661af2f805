"""Generation sets: the list, asking for one with what it will take, one with its gallery, and going on with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.core.errors import ProblemError
from annotator.core.htmx import part_or_page, wants_part
from annotator.core.numbers import whole
from annotator.core.search_options import options_of
from annotator.generations import pipelines, queries, services
from annotator.generations.forms.generations import GenerationForm
from annotator.generations.models import GenerationSet, GenerationSource, PromptSet
from annotator.jobs.services import request_cancel
from annotator.rewards.queries import promoted

if TYPE_CHECKING:
    from annotator.generations.annotated import CountedGenerationSet

PROMPTS_A_PAGE = 8


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
@part_or_page
def generations(request: HttpRequest) -> HttpResponse:
    page = Paginator(queries.generation_sets(), 25).get_page(request.GET.get("page"))
    context = {"page": page, "live": any(row.job and not row.job.is_finished for row in page)}
    return render(
        request, "generations/_generations.html" if wants_part(request) else "generations/generations.html", context
    )


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def generate(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        form = GenerationForm(request.POST)
        if form.is_valid():
            try:
                made = services.request_generation(
                    name=form.cleaned_data["name"],
                    spec=form.spec(),
                    score_after=form.cleaned_data["score_after"],
                    requested_by=request.user,
                )
            except ProblemError as problem:
                form.refuse(problem.details.get("field"), problem.message)
            else:
                return redirect("generations:generation", pk=made.pk)
    else:
        form = GenerationForm(initial=_asked_before(request))
    there = pipelines.pipelines()
    context = {
        "form": form,
        "pipelines": there,
        "loras": pipelines.loras(),
        "roots": pipelines.pipeline_roots(),
        "prompt_sets": PromptSet.objects.exists(),
        "models": {kind: promoted(kind) for kind in ("image", "video")},
    }
    return render(request, "generations/generate.html", context, status=422 if form.is_bound else 200)


def _asked_before(request: HttpRequest) -> dict[str, Any]:
    """What a link asks for: a prompt set, or the same again as another set."""
    initial: dict[str, Any] = {}
    again = whole(request.GET.get("like", ""))
    if again is not None:
        found = GenerationSet.objects.filter(pk=again).first()
        if found is not None:
            names = ("per_prompt", "pipeline", "lora", "steps", "guidance_scale", "width", "height", "frames", "seed",
                     "precision", "score_after")  # fmt: skip
            initial = {name: getattr(found, name) for name in names} | {"prompt_set": found.prompt_set_id}
    if whole(request.GET.get("prompt_set", "")):
        initial["prompt_set"] = request.GET["prompt_set"]
    if "pipeline" not in initial and len(there := pipelines.pipelines()) == 1:
        initial["pipeline"] = there[0]
    return initial


generate_prompt_sets = role_required(Role.ADMIN)(options_of(GenerationForm.base_fields["prompt_set"]))


@require_POST
@role_required(Role.ADMIN)
def generation_estimate(request: HttpRequest) -> HttpResponse:
    """What the form as it stands would take; or what is wrong with it."""
    form = GenerationForm(request.POST)
    plan, problem, field = None, "", ""
    if form.is_valid():
        try:
            plan = services.plan_generation(form.spec())
        except ProblemError as error:
            problem, field = error.message, str(error.details.get("field", ""))
    elif form.data.get("pipeline"):
        field, errors = next(iter(form.errors.items()))
        problem = " ".join(map(str, errors))
    label = form.fields[field].label if field in form.fields else ""
    context = {"plan": plan, "problem": problem, "label": label}
    return render(request, "generations/_generation_estimate.html", context)


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
@part_or_page
def generation(request: HttpRequest, pk: int) -> HttpResponse:
    """The page; for htmx, its gallery."""
    found = get_object_or_404(queries.generation_sets(), pk=pk)
    members = Paginator(queries.members(found.prompt_set), PROMPTS_A_PAGE).get_page(request.GET.get("page"))
    model = promoted(found.media_type)
    context = {
        "generation_set": found,
        "page": members,
        "rows": queries.gallery_rows(found, list(members), model),
        "model": model,
    }
    if wants_part(request):
        return render(request, "generations/_generation_gallery.html", context)
    return render(request, "generations/generation.html", context | _state(found))


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def generation_state(request: HttpRequest, pk: int) -> HttpResponse:
    """How far it is, asked for again and again. Tells the gallery when there is more to see than ``seen``."""
    found = get_object_or_404(queries.generation_sets(), pk=pk)
    context = _state(found)
    response = render(request, "generations/_generation_state.html", context)
    if request.GET.get("seen") != context["seen"]:
        response["HX-Trigger"] = "items-made"
    return response


def _state(found: CountedGenerationSet) -> dict[str, Any]:
    model = promoted(found.media_type)
    standing = queries.scoring_progress(found, model) if model else None
    at_work = [job for job in (found.job, found.scoring_job) if job is not None and not job.is_finished]
    generating = found.job in at_work
    lacking = max(found.wanted - found.made_count, 0)
    return {
        "generation_set": found,
        "model": model,
        "standing": standing,
        "lacking": lacking,
        "cancellable": generating and found.job is not None and not found.job.is_canceling,
        "resumable": found.source == GenerationSource.PIPELINE and lacking > 0 and not generating,
        "unscored": found.made_count - standing.scored if standing else 0,
        "live": bool(at_work),
        "seen": f"{found.made_count}-{standing.scored if standing else 0}",
    }


@require_POST
@role_required(Role.ADMIN)
def generation_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(GenerationSet.objects.select_related("job"), pk=pk)
    try:
        job = request_cancel(job=services.job_of(found))
        messages.success(
            request,
            _("Canceled. Generated items are kept, and you can resume.")
            if job.is_finished
            else _("It stops after the current batch. Generated items are kept, and you can resume."),
        )
    except ProblemError as problem:
        messages.error(request, problem.message)
    return redirect("generations:generation", pk=pk)


@require_POST
@role_required(Role.ADMIN)
def generation_resume(request: HttpRequest, pk: int) -> HttpResponse:
    found: CountedGenerationSet = get_object_or_404(queries.generation_sets(), pk=pk)
    try:
        services.resume_generation(generation_set=found, requested_by=request.user)
        lacking = max(found.wanted - found.made_count, 0)
        messages.success(request, _("Resumed: %(n)s missing.") % {"n": f"{lacking:,}"})
    except ProblemError as problem:
        messages.error(request, problem.message)
    return redirect("generations:generation", pk=pk)


@require_POST
@role_required(Role.ADMIN)
def generation_score(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(GenerationSet, pk=pk)
    try:
        services.request_set_scoring(generation_set=found, requested_by=request.user)
    except ProblemError as problem:
        messages.error(request, problem.message)
    return redirect("generations:generation", pk=pk)
