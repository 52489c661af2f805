"""The review queue of a campaign: items whose answers disagree, filtered, less what this reviewer has finished."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from django.utils import timezone
from django.utils.translation import get_language

from annotator.accounts.models import User
from annotator.campaigns.checklists import checklist_in
from annotator.campaigns.models import Assignment, AssignmentState, Campaign, CampaignItem
from annotator.core import figures
from annotator.library.models import Generator
from annotator.trust.consensus import disputed, open_questions
from annotator.trust.models import Adjudication, FinishedReview, ReviewClaim
from annotator.trust.queries.consensus import consensus_of

REVIEW = "trust.review-queue"
KEPT = 2000
"""The items of a queue that filters and pages choose from, the least agreed first."""
SHOWN = 100


@dataclass(frozen=True)
class QueuedItem:
    """One item that waits for a reviewer.

    ``agreement``: mean share of answers that agree, 0..1; ``disputed``: ids of sub-dimensions that are disputed
    and not settled by a decision; ``decided``: ids of those a reviewer has decided.
    """

    campaign_item: int
    agreement: float
    disputed: tuple[str, ...]
    decided: tuple[str, ...]


@dataclass(frozen=True)
class QueueFilters:
    """What a reviewer looks for in the queue: "" and None: everything."""

    sub_dimension: str = ""
    annotator: int | None = None
    generator: int | None = None
    include_decided: bool = False


@dataclass(frozen=True)
class ReviewRow:
    """One item of the queue on its page. ``disputed``: names; ``reviewer``: who else is reviewing it now."""

    campaign_item: CampaignItem
    agreement: float
    disputed: list[str]
    decided: int
    reviewer: User | None = None
    is_finished: bool = False


@dataclass(frozen=True)
class ReviewQueue:
    """``items``: all that match, as ids; ``rows``: the first of them. ``people`` and ``generators``: what the filters
    offer. ``made_at``: when a worker worked the queue out; None before the first time."""

    items: list[int] = field(default_factory=list)
    rows: list[ReviewRow] = field(default_factory=list)
    people: list[User] = field(default_factory=list)
    generators: list[Generator] = field(default_factory=list)
    made_at: datetime | None = None
    is_asked: bool = False
    has_failed: bool = False


def list_disputed(campaign: Campaign, *, limit: int = KEPT, include_decided: bool = False) -> list[QueuedItem]:
    """Find items with a disputed sub-dimension, the least agreed first."""
    table = consensus_of([campaign])
    open_ = open_questions(table)
    wanted = np.flatnonzero((disputed(table) | table.adjudicated).any(axis=1) if include_decided else open_.any(axis=1))
    mean = np.array([np.nanmean(table.agreement[i]) for i in wanted])
    order = np.argsort(mean, kind="stable")[:limit]
    chosen = wanted[order]
    pks = dict(
        CampaignItem.objects.filter(campaign=campaign, item_id__in=table.items[chosen].tolist()).values_list(
            "item_id", "pk"
        )
    )
    ids = [sub.id for sub in table.checklist.ordinal]
    return [
        QueuedItem(
            campaign_item=pks[int(table.items[i])],
            agreement=float(share),
            disputed=tuple(ids[s] for s in np.flatnonzero(open_[i])),
            decided=tuple(ids[s] for s in np.flatnonzero(table.adjudicated[i])),
        )
        for i, share in zip(chosen, mean[order], strict=True)
        if int(table.items[i]) in pks
    ]


def make_queue(pk: int) -> dict[str, Any]:
    """Work the queue out: open items, all items, their annotators and generators."""
    campaign = Campaign.objects.select_related("checklist_version").get(pk=pk)
    queue = {
        "open": list_disputed(campaign),
        "all": list_disputed(campaign, include_decided=True),
    }
    items = [row.campaign_item for row in queue["all"]]
    people = Assignment.objects.filter(campaign_item__in=items, state=AssignmentState.SUBMITTED)
    made = CampaignItem.objects.filter(pk__in=items)
    return queue | {
        "people": list(set(people.values_list("annotator", flat=True))),
        "generators": list(set(made.values_list("item__generator", flat=True))),
    }


def review_queue(campaign: Campaign, reviewer: Any, filters: QueueFilters | None = None) -> ReviewQueue:
    """Read a reviewer's queue as a worker last worked it out.

    What this reviewer has finished, and what anybody has decided since, is left out.
    """
    filters = filters or QueueFilters()
    found = figures.latest(REVIEW, campaign.pk)
    if found.value is None:
        return ReviewQueue(is_asked=found.is_asked, has_failed=found.has_failed)
    listed = matching(found.value["all" if filters.include_decided else "open"], filters)
    pks = [row.campaign_item for row in listed]
    finished = set(
        FinishedReview.objects.filter(campaign_item__in=pks, reviewer=reviewer).values_list("campaign_item", flat=True)
    )
    if not filters.include_decided:
        decided = Adjudication.objects.filter(campaign_item__in=pks, updated_at__gt=found.made_at)
        out = finished.union(decided.values_list("campaign_item", flat=True))
        listed = [row for row in listed if row.campaign_item not in out]
    return ReviewQueue(
        items=[row.campaign_item for row in listed],
        rows=_rows(campaign, listed[:SHOWN], reviewer, finished),
        people=list(User.objects.filter(pk__in=found.value["people"]).order_by("username")),
        generators=list(Generator.objects.filter(pk__in=found.value["generators"]).order_by("name")),
        made_at=found.made_at,
        is_asked=found.is_asked,
        has_failed=found.has_failed,
    )


def matching(rows: list[QueuedItem], filters: QueueFilters) -> list[QueuedItem]:
    """Choose the items that the filters ask for, in their order."""
    if filters.sub_dimension:
        decided = filters.include_decided
        rows = [row for row in rows if filters.sub_dimension in row.disputed + (row.decided if decided else ())]
    items = CampaignItem.objects.filter(pk__in=[row.campaign_item for row in rows])
    if filters.annotator is not None:
        items = items.filter(assignments__annotator=filters.annotator, assignments__state=AssignmentState.SUBMITTED)
    if filters.generator is not None:
        items = items.filter(item__generator=filters.generator)
    if filters.annotator is None and filters.generator is None:
        return rows
    left = set(items.values_list("pk", flat=True))
    return [row for row in rows if row.campaign_item in left]


def _rows(campaign: Campaign, listed: list[QueuedItem], reviewer: Any, finished: set[int]) -> list[ReviewRow]:
    names = {sub.id: sub.name for sub in checklist_in(campaign.checklist_version, get_language()).ordinal}
    pks = [row.campaign_item for row in listed]
    items = CampaignItem.objects.select_related("item__prompt").in_bulk(pks)
    claims = ReviewClaim.objects.filter(campaign_item__in=pks, expires_at__gt=timezone.now()).exclude(reviewer=reviewer)
    others = {claim.campaign_item_id: claim.reviewer for claim in claims.select_related("reviewer")}
    return [
        ReviewRow(
            campaign_item=items[row.campaign_item],
            agreement=row.agreement,
            disputed=[names.get(id, id) for id in row.disputed],
            decided=len(row.decided),
            reviewer=others.get(row.campaign_item),
            is_finished=row.campaign_item in finished,
        )
        for row in listed
        if row.campaign_item in items
    ]
