"""The review queue, and one item of it: the answers side by side and the reviewer's decisions."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotator.accounts.models import Role
from annotator.accounts.requests import SignedInRequest
from annotator.accounts.roles import role_required
from annotator.campaigns.checklists import checklist_in, checklist_of
from annotator.campaigns.models import Campaign, CampaignItem, Purpose
from annotator.core.errors import ProblemError
from annotator.core.numbers import whole
from annotator.trust import queries, services
from annotator.trust.models import FinishedReview, ReviewClaim
from annotator.trust.queries import figures
from annotator.trust.services.adjudication import require_level

FILTERS = ("sub_dimension", "annotator", "generator")


@role_required(Role.REVIEWER, Role.ADMIN)
@require_safe
def review(request: SignedInRequest, pk: int) -> HttpResponse:
    """The review queue of a campaign, narrowed by what the address says."""
    found = get_object_or_404(Campaign.objects.select_related("checklist_version"), pk=pk)
    filters = _filters(request)
    queue = queries.review_queue(found, request.user, filters)
    context = {
        "campaign": found,
        "report": queue,
        "rows": queue.rows,
        "filters": filters,
        "query": _query(request),
        "sub_dimensions": checklist_in(found.checklist_version, get_language()).ordinal,
        "reviewers": queries.reviewer_rows(found.pk),
    }
    return render(request, "trust/review.html", context)


@role_required(Role.REVIEWER, Role.ADMIN)
@require_POST
def review_next(request: SignedInRequest, pk: int) -> HttpResponse:
    """Claim the next item of the queue that the address names, and open it."""
    return _go_on(request, get_object_or_404(Campaign.objects.select_related("checklist_version"), pk=pk))


@role_required(Role.REVIEWER, Role.ADMIN)
def review_item(request: SignedInRequest, pk: int) -> HttpResponse:
    """One item: who opens it claims it, where nobody else reviews it; who saves it goes on to the next."""
    row = get_object_or_404(
        CampaignItem.objects.select_related("campaign__checklist_version", "item__prompt", "item__generator"), pk=pk
    )
    if request.method == "POST":
        return _save(request, row)
    if not FinishedReview.objects.filter(campaign_item=row, reviewer=request.user).exists():
        services.claim_review(campaign_item=row.pk, reviewer=request.user)
    return _show(request, row, queries.review_item(row))


def _show(request: SignedInRequest, row: CampaignItem, review: queries.ReviewItem, **more: Any) -> HttpResponse:
    claims = ReviewClaim.objects.filter(campaign_item=row, expires_at__gt=timezone.now()).exclude(reviewer=request.user)
    context = {
        "review": queries.with_model(review),
        "row": row,
        "item": row.item,
        "campaign": row.campaign,
        "claim": claims.select_related("reviewer").first(),
        "comments": queries.comments_on(row),
        "people": review.people,
        "note": review.note,
        "query": _query(request),
        "back": reverse("trust:review", args=[row.campaign_id]) + _query(request),
    }
    return render(request, "trust/review_item.html", context | more)


def _save(request: SignedInRequest, row: CampaignItem) -> HttpResponse:
    make, note = request.POST.get("make", ""), request.POST.get("note", "")
    make = make if make in (Purpose.GOLD, Purpose.QUALIFICATION) else ""
    try:
        levels = _decisions(request, row)
        if make:
            review = queries.review_item(row, levels)
            left = review.open
            if not {ladder.sub.id for ladder in left} <= {*request.POST.getlist("without")}:
                names = ", ".join(ladder.sub.name for ladder in left)
                return _show(request, row, review, confirm=make, left=left, left_names=names, note=note)
        finished = services.finish_review(campaign_item=row, levels=levels, reviewer=request.user, note=note, make=make)
    except ProblemError as problem:
        messages.error(request, problem.message)
        return redirect(reverse("trust:review-item", args=[row.pk]) + _query(request))
    if make:
        messages.success(request, _("Its answers are now known. Annotators get it as a check."))
    elif finished.decided:
        messages.success(request, _("Decisions saved. They override the votes."))
    else:
        messages.success(request, _("Finished without a decision. The votes count."))
    figures.have_changed(row.campaign_id)
    return _go_on(request, row.campaign)


def _go_on(request: SignedInRequest, campaign: Campaign) -> HttpResponse:
    """Open the next item of this reviewer's queue, or the queue where nothing is left for them."""
    queue = queries.review_queue(campaign, request.user, _filters(request))
    following = services.claim_next(queue=queue.items, reviewer=request.user)
    if following is None:
        if queue.items:
            messages.info(request, _("Other reviewers are on all items that are left in this queue."))
        return redirect(reverse("trust:review", args=[campaign.pk]) + _query(request))
    return redirect(reverse("trust:review-item", args=[following]) + _query(request))


def _filters(request: SignedInRequest) -> queries.QueueFilters:
    """What the address narrows the queue by."""
    return queries.QueueFilters(
        sub_dimension=request.GET.get("sub_dimension", ""),
        annotator=whole(request.GET.get("annotator", "")),
        generator=whole(request.GET.get("generator", "")),
        include_decided=request.GET.get("decided") == "1",
    )


def _query(request: SignedInRequest) -> str:
    """The filters as they go on to the next address; "" without any."""
    said = {name: request.GET[name] for name in (*FILTERS, "decided") if request.GET.get(name)}
    return f"?{urlencode(said)}" if said else ""


def _decisions(request: SignedInRequest, row: CampaignItem) -> dict[str, int | None]:
    """What the form says: a level for each ladder decided; "" takes a decision back."""
    checklist = checklist_of(row.campaign.checklist_version)
    levels: dict[str, int | None] = {}
    for id in (sub.id for sub in checklist.sub_dimensions):
        value = request.POST.get(id)
        if value is None:
            continue
        try:
            levels[id] = int(value) if value else None
        except ValueError as error:
            raise ProblemError(
                _("“%(value)s” is not a level of “%(id)s”.") % {"value": value, "id": id}, code="no_level"
            ) from error
        require_level(checklist, id, levels[id])
    return levels
