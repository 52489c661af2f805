"""Versions of the reward model: the register, one version, and what an admin may do with it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.campaigns.checklists import checklist_of
from annotator.core.errors import ProblemError
from annotator.core.htmx import part_or_page, wants_part
from annotator.jobs.models import Job, JobState
from annotator.library.models import MediaType
from annotator.library.queries import items_by_media_type
from annotator.rewards import judges, queries, services
from annotator.rewards.calibration_view import calibration_of
from annotator.rewards.evaluation import evaluate
from annotator.rewards.models import RewardModel, RewardModelState
from annotator.rewards.services.training_request import TRAIN_TASK

PROBLEMS_SHOWN = 20
NOTE_LENGTH = 500


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
@part_or_page
def model_list(request: HttpRequest) -> HttpResponse:
    versions, items = queries.models_by_media_type(), items_by_media_type()
    context = {
        "jobs": list(queries.running_jobs()),
        "failed": _last_failure(),
        "shelves": [
            {
                "media_type": media_type,
                "versions": versions[media_type.value],
                "promoted": next((v for v in versions[media_type] if v.state == RewardModelState.PROMOTED), None),
                "earlier": queries.version_before(media_type),
                "items": items.get(media_type, 0),
            }
            for media_type in MediaType
        ],
    }
    return render(request, "rewards/_models.html" if wants_part(request) else "rewards/models.html", context)


def _last_failure() -> Job | None:
    """The last training, where it failed: what it says has to be mended."""
    last = Job.objects.filter(kind=TRAIN_TASK).order_by("-created_at").first()
    return last if last is not None and last.state == JobState.FAILED else None


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
@part_or_page
def model_detail(request: HttpRequest, pk: int) -> HttpResponse:
    model = get_object_or_404(queries.models(), pk=pk)
    kind = judges.kind_of(model.judge)
    context = {
        "model": model,
        "kind": kind,
        "panel": kind.panel(model),
        "earlier": queries.version_before(model.media_type) if model.state == RewardModelState.PROMOTED else None,
        "jobs": list(queries.running_jobs(model)),
        "coverage": queries.coverage(model),
        "evaluation": evaluate(model),
        "calibration": calibration_of(model),
        "preferences": _preferences(model),
        "weights": _weights(model),
        "campaigns": model.snapshot.campaigns.order_by("pk") if model.snapshot else [],
        "events": model.events.select_related("by"),
        "problems": model.problems.select_related("item__prompt").order_by("item_id")[:PROBLEMS_SHOWN],
    }
    return render(request, "rewards/_model.html" if wants_part(request) else "rewards/model.html", context)


def _preferences(model: RewardModel) -> dict[str, Any] | None:
    """What the weights were fitted on and how well they order held-out pairs; None for equal weights."""
    found: dict[str, Any] | None = model.manifest.get("preferences")
    if found is None:
        return None
    checklist = checklist_of(model.checklist_version)
    texts = {question.id: question.text for question in checklist.questions}
    names = {dimension.id: dimension.name for dimension in checklist.dimensions}
    return {
        **found,
        "effects": [{**effect, "name": names.get(effect["dimension"])} for effect in found.get("effects", [])],
        "most": max((part["high"] for part in found["intervals"].values() if part), default=0.0),
        "dropped": [(texts[id], why) for id, why in found["dropped"].items() if id in texts],
        "zero": [texts[id] for id in found["zero"] if id in texts],
    }


def _weights(model: RewardModel) -> list[dict[str, Any]]:
    """The weights by sub-dimension: their sum, and those of its questions, with intervals where they were fitted."""
    checklist = checklist_of(model.checklist_version)
    fitted = model.manifest.get("preferences", {})
    intervals, dropped = fitted.get("intervals", {}), fitted.get("dropped", {})
    by_sub: list[dict[str, Any]] = [
        {
            "name": sub.name,
            "dimension": next(d.name for d in checklist.dimensions if d.id == sub.dimension),
            "questions": [
                {
                    "question": q,
                    "weight": model.weights[checklist.question_index(q.id)],
                    "interval": intervals.get(q.id),
                    "dropped": dropped.get(q.id, ""),
                }
                for q in sub.questions
            ],
        }
        for sub in checklist.ordinal
    ]
    for row in by_sub:
        row["total"] = sum(abs(part["weight"]) for part in row["questions"])
    largest = max((row["total"] for row in by_sub), default=0.0) or 1.0
    return [{**row, "share": row["total"] / largest} for row in by_sub]


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
def manifest(request: HttpRequest, pk: int) -> HttpResponse:
    """What is recorded about a version, to keep or to read by program."""
    model = get_object_or_404(queries.models(), pk=pk)
    body = {
        "model": str(model),
        "state": model.state,
        **model.manifest,
        "weights": {**model.manifest.get("weights", {}), "coef": model.weights, "intercept": model.intercept},
        "metrics": model.metrics,
    }
    name = f"{model.media_type}-reward-v{model.version}.json"
    return JsonResponse(
        body,
        json_dumps_params={"indent": 2, "ensure_ascii": False},
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_POST
@role_required(Role.ADMIN)
def promote(request: HttpRequest, pk: int) -> HttpResponse:
    model = get_object_or_404(RewardModel, pk=pk)
    try:
        model = services.promote(reward_model=model, by=request.user, note=_note(request))
    except ProblemError as problem:
        messages.error(request, problem.message)
    else:
        messages.success(request, _("%(model)s is promoted. Scores and pairs now come from it.") % {"model": model})
    return redirect("rewards:model", pk=pk)


def _note(request: HttpRequest) -> str:
    return request.POST.get("note", "").strip()[:NOTE_LENGTH]


@require_POST
@role_required(Role.ADMIN)
def roll_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Promote the version that was promoted before this one."""
    model = get_object_or_404(RewardModel, pk=pk)
    try:
        earlier = services.roll_back(reward_model=model, by=request.user, note=_note(request))
    except ProblemError as problem:
        messages.error(request, problem.message)
        return redirect("rewards:model", pk=pk)
    words = _("Rolled back: %(model)s is promoted. Scores and pairs now come from it.") % {"model": earlier}
    messages.success(request, words)
    return redirect("rewards:model", pk=earlier.pk)


@require_POST
@role_required(Role.ADMIN)
def retire(request: HttpRequest, pk: int) -> HttpResponse:
    model = get_object_or_404(RewardModel, pk=pk)
    try:
        services.retire(reward_model=model, by=request.user)
    except ProblemError as problem:
        messages.error(request, problem.message)
    else:
        messages.success(request, _("%(model)s is retired. Its scores are kept.") % {"model": model})
    return redirect("rewards:model", pk=pk)


@require_POST
@role_required(Role.ADMIN)
def request_scoring(request: HttpRequest, pk: int) -> HttpResponse:
    model = get_object_or_404(RewardModel, pk=pk)
    services.request_scoring(reward_model=model, requested_by=request.user)
    messages.success(request, _("Scoring has started. Items that cannot be scored are listed below with the reason."))
    return redirect("rewards:model", pk=pk)
