"""Pages of the retraining policies."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotator.accounts.models import Role
from annotator.accounts.roles import role_required
from annotator.core.errors import ProblemError
from annotator.core.htmx import part_or_page, wants_part
from annotator.rewards import judges, queries, services
from annotator.rewards.judges.settings import plain
from annotator.rewards.models import RetrainingPolicy
from annotator.rewards.policy_forms import PolicyChoiceForm, PolicyForm

PREFIX = "settings"  # of the kind's own fields, which may have names of ours
FIELDS = ("enabled", "after_annotations", "nightly_hour", "promotes")


@require_safe
@role_required(Role.ADMIN, Role.REVIEWER)
@part_or_page
def policy_list(request: HttpRequest) -> HttpResponse:
    context = {
        "statuses": [queries.policy_status(policy) for policy in queries.policies()],
        "defaults": queries.default_statuses(),
        "choice": PolicyChoiceForm(),
        "in_use": queries.versions_in_use().exists(),
    }
    return render(request, "rewards/_policies.html" if wants_part(request) else "rewards/policies.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def policy_new(request: HttpRequest) -> HttpResponse:
    """A new policy; the checklist version and the kind are in the address."""
    choice = PolicyChoiceForm(request.GET)
    if not choice.is_valid():
        raise Http404
    return _edit(request, RetrainingPolicy(**choice.cleaned_data))


@require_http_methods(["GET", "HEAD", "POST"])
@role_required(Role.ADMIN)
def policy_edit(request: HttpRequest, pk: int) -> HttpResponse:
    return _edit(request, get_object_or_404(queries.policies(), pk=pk))


def _edit(request: HttpRequest, policy: RetrainingPolicy) -> HttpResponse:
    try:
        kind = judges.kind_of(policy.judge)
    except ProblemError as problem:  # this installation no longer has the kind
        messages.error(request, problem.message)
        return redirect("rewards:policies")
    if request.method == "POST":
        form = PolicyForm(request.POST)
        own = kind.settings_form(request.POST, prefix=PREFIX)
        if form.is_valid() & own.is_valid():
            try:
                _save(request, policy, form.cleaned_data, {k: plain(v) for k, v in own.cleaned_data.items()})
            except ProblemError as problem:
                form.add_error(None, problem.message)
            else:
                messages.success(request, _("Retraining policy saved."))
                return redirect("rewards:policies")
    else:
        # A policy that is not saved yet begins with the form's own defaults.
        form = PolicyForm(initial={name: getattr(policy, name) for name in FIELDS} if policy.pk else {})
        own = kind.settings_form(initial=policy.judge_settings, prefix=PREFIX)
    context = {"policy": policy, "kind": kind, "form": form, "own": own}
    return render(request, "rewards/policy.html", context, status=422 if form.is_bound else 200)


def _save(request: HttpRequest, policy: RetrainingPolicy, values: dict[str, Any], own: dict[str, Any]) -> None:
    if policy.pk:
        services.change_policy(policy=policy, judge_settings=own, **values)
        return
    services.create_policy(
        checklist_version=policy.checklist_version, judge=policy.judge, by=request.user, judge_settings=own, **values
    )


@require_POST
@role_required(Role.ADMIN)
def policy_delete(request: HttpRequest, pk: int) -> HttpResponse:
    services.delete_policy(policy=get_object_or_404(RetrainingPolicy, pk=pk))
    messages.success(request, _("Retraining policy deleted."))
    return redirect("rewards:policies")


@require_POST
@role_required(Role.ADMIN)
def policy_retrain(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for a training by hand."""
    policy = get_object_or_404(RetrainingPolicy.objects.select_related("checklist_version"), pk=pk)
    try:
        _job, asked = services.retrain_now(policy=policy, by=request.user)
    except ProblemError as problem:
        messages.error(request, problem.message)
    else:
        if asked:
            messages.success(request, _("Training requested."))
        else:
            messages.info(request, _("A training of this kind is already in progress, so no second one was started."))
    return redirect("rewards:policies")
