"""The annotator's workspace: one item, its ladders, and every answer saved at once."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from annotator.accounts.models import Role
from annotator.accounts.requests import SignedInRequest
from annotator.accounts.roles import role_required
from annotator.campaigns import hooks, queries, services
from annotator.campaigns.action_serializers import (
    FlagRequestSerializer,
    JudgmentsSerializer,
    SkipSerializer,
    SubmitSerializer,
    acts,
    outcome,
    read_act,
)
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, AssignmentState, Campaign, CampaignKind, SkipReason
from annotator.campaigns.models.flags import FlagReason
from annotator.campaigns.views import compare
from annotator.campaigns.workspace import is_closed, ladders_of, own_flags, workspace_data
from annotator.core.errors import ConflictError, ProblemError
from annotator.core.json_input import read_json
from annotator.core.numbers import whole

if TYPE_CHECKING:
    from annotator.campaigns.annotated import AssignmentOnPage


def _workspace_context(request: HttpRequest, assignment: AssignmentOnPage) -> dict[str, Any]:
    campaign = assignment.campaign_item.campaign
    standing = queries.answer_progress(assignment)
    return {
        "assignment": assignment,
        "campaign": campaign,
        "item": assignment.campaign_item.item,
        "dimensions": ladders_of(assignment, standing.levels),
        "data": workspace_data(assignment, standing, request.user),
        "warnings": [words for warn in hooks.warnings if (words := warn(campaign, request.user))],
        "skip_reasons": SkipReason.choices,
        "flag_reasons": FlagReason.choices,
        "flags": own_flags(assignment),
        "with_examples": assignment.with_examples,
        "left_counted": queries.LEFT_COUNTED,
        # Set by the page's options; known here so that hidden media does not flash up before a script can hide it.
        "veiled": assignment.was_unsafe or request.COOKIES.get("veil") == "1",
    }


@never_cache
@login_required
@require_GET
def work(request: SignedInRequest, pk: int) -> HttpResponse:
    """On to the next item of a campaign."""
    campaign = queries.campaign_to_work_in(request.user, pk)
    if campaign.kind == CampaignKind.COMPARING:
        return redirect("campaigns:compare", pk=pk)
    try:
        assignment = services.lease_next_item(campaign=campaign, annotator=request.user)
    except ConflictError as problem:
        messages.info(request, problem.message)
        return redirect("campaigns:detail", pk=campaign.pk)
    if assignment is None:
        return render(
            request, "campaigns/nothing_left.html", {"campaign": campaign, "today": queries.done_today(request.user)}
        )
    return redirect("campaigns:annotate", token=assignment.token)


@never_cache
@login_required
@require_GET
def following(request: SignedInRequest, pk: int) -> HttpResponse:
    """The workspace of the item behind the one on the screen, to be kept ready; 204 where there is none."""
    campaign = queries.campaign_to_work_in(request.user, pk)
    try:
        after = uuid.UUID(request.GET.get("after", ""))
    except ValueError:
        after = None
    try:
        assignment = services.lease_next_item(campaign=campaign, annotator=request.user, after=after)
    except ConflictError:
        assignment = None
    if assignment is None:
        return HttpResponse(status=204)
    found = queries.my_assignment(request.user, assignment.token, known=(assignment.pk, campaign.pk))
    context = _workspace_context(request, found)
    response = render(request, "campaigns/_workspace.html", context)
    response["X-Assignment-Url"] = reverse("campaigns:annotate", args=[assignment.token])
    return response


@never_cache
@role_required(Role.ANNOTATOR)
@require_GET
def annotate(request: SignedInRequest, token: uuid.UUID) -> HttpResponse:
    assignment = queries.my_assignment(request.user, token)
    return render(request, "campaigns/annotate.html", _workspace_context(request, assignment))


def _problem(problem: ProblemError) -> JsonResponse:
    return JsonResponse({"message": problem.message, "code": problem.code, **problem.details}, status=problem.status)


@login_required  # the role is asked for by the service, along with what it reads anyway: this is the busiest address
@require_POST
def judge(request: SignedInRequest, token: uuid.UUID) -> JsonResponse:
    """Save answers: ``judgments`` as JSON, each with sub_dimension, level (null takes it back), milliseconds, key,
    sequence. Responds with ``results``, one per judgment in the same order.
    """
    try:
        given = acts(read_act(JudgmentsSerializer, read_json(request.body))["judgments"])
        saved = services.record_judgments(token=token, annotator=request.user, acts=given)
    except Assignment.DoesNotExist:
        raise Http404 from None
    except ProblemError as problem:
        return _problem(problem)
    return JsonResponse({"results": _results(given, saved)})


def _results(given: list[services.Act], saved: list[services.Saved | ProblemError]) -> list[dict[str, Any]]:
    """What became of each act, with what the annotator is told of it at once."""
    results = []
    for act, one in zip(given, saved, strict=True):
        result = outcome(one)
        if isinstance(one, services.Saved):
            said = (feedback(one.assignment, act.sub_dimension, act.level) for feedback in hooks.feedbacks)
            if words := next(filter(None, said), None):
                result["feedback"] = words
        results.append(result)
    return results


@role_required(Role.ANNOTATOR)
@require_POST
def submit(request: SignedInRequest, token: uuid.UUID) -> HttpResponse:
    """The end of an item. From the script: JSON, with the answers that have not been sent yet. From the bare form: the
    chosen levels come along."""
    if request.content_type == "application/json":
        return _submit_json(request, token)
    assignment = queries.my_assignment(request.user, token)
    try:
        _save_form(request, assignment)
        services.submit_assignment(token=token, annotator=request.user)
    except ProblemError as problem:
        messages.error(request, problem.message)
        return redirect("campaigns:annotate", token=token)
    return redirect("campaigns:work", pk=assignment.campaign_item.campaign_id)


def _submit_json(request: SignedInRequest, token: uuid.UUID) -> JsonResponse:
    """Responds with ``results`` of the judgments that came along, ``submitted``, and ``problem`` where it was not."""
    try:
        given = acts(read_act(SubmitSerializer, read_json(request.body)).get("judgments", []))
        done = services.submit_with_judgments(token=token, annotator=request.user, acts=given)
    except Assignment.DoesNotExist:
        raise Http404 from None
    except ProblemError as problem:
        return _problem(problem)
    answer: dict[str, Any] = {"results": _results(given, done.outcomes), "submitted": done.problem is None}
    if done.problem is not None:
        return JsonResponse(answer | {"problem": {"message": done.problem.message, "code": done.problem.code}})
    return JsonResponse(answer | _stopped(done.assignment.campaign_item.campaign, request.user))


def _stopped(campaign: Campaign, user: Any) -> dict[str, str]:
    """Why there is no going on after this item, where that is so: the page may hold a next one ready already."""
    try:
        for gate in hooks.gates:
            gate(campaign, user)
    except ConflictError as problem:
        return {"stop": problem.message}
    return {}


def _save_form(request: HttpRequest, assignment: AssignmentOnPage) -> None:
    """The levels of a form sent without JavaScript; owners of masks first, so that what follows from them stands."""
    checklist = checklist_of(assignment.campaign_item.campaign.checklist_version)
    sent = {
        sub.id: value
        for sub in checklist.sub_dimensions
        if (value := whole(request.POST.get(sub.id, ""), least=-128, most=127)) is not None
    }
    for sub in sorted(checklist.sub_dimensions, key=lambda sub: sub.masked_by_other or sub.applies_when is not None):
        saved = dict(assignment.judgments.values_list("sub_dimension", "level"))
        if sub.id in sent and saved.get(sub.id) != sent[sub.id] and not is_closed(checklist, sub, saved):
            _save_one(request, assignment, sub.id, sent[sub.id])


def _save_one(request: HttpRequest, assignment: AssignmentOnPage, sub_dimension: str, level: int) -> None:
    services.record_judgment(
        token=assignment.token,
        annotator=request.user,
        sub_dimension=sub_dimension,
        level=level,
        idempotency_key=uuid.uuid4().hex,
        sequence=max(int(timezone.now().timestamp() * 1000), assignment.newest or 0),
    )


@role_required(Role.ANNOTATOR)
@require_POST
def skip(request: SignedInRequest, token: uuid.UUID) -> HttpResponse:
    """Leave an item with a reason. From the script: JSON. From the bare form: on to the next item."""
    wants_json = request.headers.get("Accept") == "application/json"
    assignment = queries.my_assignment(request.user, token)
    try:
        services.skip_assignment(
            token=token,
            annotator=request.user,
            **read_act(SkipSerializer, request.POST),
        )
    except ProblemError as problem:
        if wants_json:
            return _problem(problem)
        messages.error(request, problem.message)
        return redirect("campaigns:annotate", token=token)
    if wants_json:
        return JsonResponse({"skipped": True})
    messages.success(request, _("Skipped. Another annotator will get it."))
    return redirect("campaigns:work", pk=assignment.campaign_item.campaign_id)


@role_required(Role.ANNOTATOR)
@require_POST
def flag(request: SignedInRequest, token: uuid.UUID) -> HttpResponse:
    """Report something about an item and stay with it, or (``withdraw``) take that back. JSON for the script."""
    wants_json = request.headers.get("Accept") == "application/json"
    withdraw = bool(request.POST.get("withdraw"))
    try:
        act = read_act(FlagRequestSerializer, request.POST)
        if withdraw:
            del act["note"]
            services.withdraw_flag(token=token, annotator=request.user, **act)
        else:
            services.flag_item(token=token, annotator=request.user, **act)
    except Assignment.DoesNotExist:
        raise Http404 from None
    except ProblemError as problem:
        if wants_json:
            return _problem(problem)
        messages.error(request, problem.message)
    else:
        if wants_json:
            return JsonResponse({"flagged": not withdraw})
        messages.success(request, _("Report withdrawn.") if withdraw else _("Reported. You can keep answering."))
    return redirect("campaigns:annotate", token=token)


@role_required(Role.ANNOTATOR)
@require_POST
def take_up(request: SignedInRequest, token: uuid.UUID) -> HttpResponse:
    """Open one's skipped or expired item again."""
    queries.my_assignment(request.user, token)
    try:
        services.take_up_again(token=token, annotator=request.user)
    except ProblemError as problem:
        messages.error(request, problem.message)
    return redirect("campaigns:annotate", token=token)


@role_required(Role.ANNOTATOR)
@require_GET
def mine(request: SignedInRequest, pk: int) -> HttpResponse:
    """What this person has done in a campaign, to look at again and correct."""
    campaign = get_object_or_404(queries.visible_campaigns(request.user), pk=pk)
    if campaign.kind == CampaignKind.COMPARING:
        return compare.mine(request, campaign)
    ahead = [pk for pk, _ in queries.leased_ahead(Assignment, campaign.pk, annotator=request.user)]
    own = (
        Assignment.objects.filter(annotator=request.user, campaign_item__campaign=campaign)
        .exclude(state=AssignmentState.EXPIRED)
        .exclude(pk__in=ahead)
        .select_related("campaign_item__item__prompt")
        .order_by("-pk")
    )
    page = Paginator(own, 48).get_page(request.GET.get("page"))
    return render(request, "campaigns/mine.html", {"campaign": campaign, "page": page})
