"""One training as it runs: curves, cancel, resume."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.core.charts import line_chart
from annotator.core.errors import ProblemError
from annotator.core.htmx import part_or_page, wants_part
from annotator.jobs.models import Job
from annotator.jobs.services import request_cancel
from annotator.rewards import queries, services
from annotator.rewards.models import RewardModel
from annotator.rewards.services.training_request import TRAIN_TASK


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
@part_or_page
def training_detail(request: HttpRequest, pk: Any) -> HttpResponse:
    job = get_object_or_404(Job.objects.select_related("requested_by"), pk=pk, kind=TRAIN_TASK)
    training = queries.training_of(job)
    steps = training.steps or max(training.step, 1)
    charts = [
        (_("Loss"), training.loss, line_chart(training.loss, steps=steps, level=0.6931)),
        (_("Held-out accuracy"), training.accuracy,
         line_chart(training.accuracy, steps=steps, low=0.0, high=1.0, level=0.5)),
    ]  # fmt: skip
    context = {
        "training": training,
        "job": job,
        "live": not job.is_finished,
        "charts": charts,
        "model": RewardModel.objects.filter(job=job).first(),
        "settings": job.params.get("settings", {}),
    }
    return render(request, "rewards/_training.html" if wants_part(request) else "rewards/training.html", context)


@require_POST
@role_required(Role.ADMIN)
def training_cancel(request: HttpRequest, pk: Any) -> HttpResponse:
    job = get_object_or_404(Job, pk=pk, kind=TRAIN_TASK)
    try:
        job = request_cancel(job=job)
    except ProblemError as problem:
        messages.error(request, problem.message)
    else:
        messages.success(
            request,
            _("Training canceled.") if job.is_finished
            else _("Training stops after this step and keeps its checkpoint."),
        )  # fmt: skip
    return redirect("rewards:training", pk=pk)


@require_POST
@role_required(Role.ADMIN)
def training_resume(request: HttpRequest, pk: Any) -> HttpResponse:
    job = get_object_or_404(Job, pk=pk, kind=TRAIN_TASK)
    try:
        resumed = services.resume_training(job=job, requested_by=request.user)
    except ProblemError as problem:
        messages.error(request, problem.message)
        return redirect("rewards:training", pk=pk)
    messages.success(request, _("Training resumes from its last checkpoint when a worker picks it up."))
    return redirect("rewards:training", pk=resumed.pk)
