"""The page on which a training is requested, and the estimate beside its form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.campaigns.checklists import checklist_of
from annotator.core.errors import ProblemError
from annotator.rewards import judges, queries, services
from annotator.rewards.forms import TrainingForm
from annotator.rewards.judges.settings import plain

PREFIX = "judge"


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def train(request: HttpRequest) -> HttpResponse:
    """The form. A POST with ``check`` shows the estimate without starting, for browsers without JavaScript."""
    given = request.POST if request.method == "POST" else None
    kind = _kind((given or request.GET).get("judge", ""))
    choices, compared = queries.training_choices(), queries.comparison_choices()
    initial = {"campaigns": request.GET.getlist("campaign"), "judge": kind.name}
    form = TrainingForm(given, choices=choices, compared=compared, initial=initial)
    own = kind.settings_form(given, prefix=PREFIX, initial={"base": request.GET.get("base")})
    context: dict[str, Any] = {
        "form": form, "own": own, "kind": kind, "kinds": judges.kinds(), "choices": choices, "compared": compared,
    }  # fmt: skip
    if given is not None and form.is_valid() and own.is_valid():
        settings = _plain(own)
        try:
            if "check" in given:
                context |= _estimated(kind, form, settings)
            else:
                job = services.request_training(
                    requested_by=request.user, settings=settings, **{**form.cleaned_data, "judge": kind.name}
                )
                messages.success(request, _("Training queued. You can follow it here."))
                return redirect("rewards:training", pk=job.pk)
        except ProblemError as problem:
            _refuse(form, own, problem)
    return render(request, "rewards/train.html", context, status=422 if form.errors or own.errors else 200)


@require_safe
@role_required(Role.ADMIN)
def train_estimate(request: HttpRequest) -> HttpResponse:
    """What the training in the form would take, as one fills it in."""
    kind = _kind(request.GET.get("judge", ""))
    form = TrainingForm(request.GET, choices=queries.training_choices(), compared=queries.comparison_choices())
    own = kind.settings_form(request.GET, prefix=PREFIX)
    context: dict[str, Any] = {"kind": kind}
    if form.is_valid() and own.is_valid():
        try:
            context |= _estimated(kind, form, _plain(own))
        except ProblemError as problem:
            context["problem"] = problem.message
    return render(request, "rewards/_train_estimate.html", context)


def _kind(name: str) -> judges.JudgeKind:
    known = {kind.name: kind for kind in judges.kinds()}
    return known.get(name) or judges.kind_of("probe")


def _plain(own: forms.Form) -> dict[str, Any]:
    return {name: plain(value) for name, value in own.cleaned_data.items() if value not in (None, "")}


def _estimated(kind: judges.JudgeKind, form: TrainingForm, settings: Mapping[str, Any]) -> dict[str, Any]:
    campaigns = list(form.cleaned_data["campaigns"])
    chosen = {campaign.pk for campaign in campaigns}
    items = sum(choice.items for choice in form.choices if choice.campaign.pk in chosen)
    whole = kind.check_settings(settings, campaigns[0].media_type)
    estimate = kind.estimate(whole, checklist_of(campaigns[0].checklist_version), items)
    return {"estimated": True, "estimate": estimate, "items": items, "filled": kind.explained(settings, whole)}


def _refuse(form: TrainingForm, own: forms.Form, problem: ProblemError) -> None:
    field = str(problem.details.get("field", "")).removeprefix("settings.")
    if field in own.fields:
        own.add_error(field, problem.message)
    else:
        form.add_error(None, problem.message)
