"""How far campaigns are."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum

from annotator.accounts.models import Role
from annotator.accounts.roles import has_role
from annotator.campaigns.models import (
    DATA,
    Assignment,
    AssignmentState,
    Campaign,
    CampaignItem,
    CampaignKind,
    CampaignState,
    Comparison,
    Purpose,
)
from annotator.campaigns.queries.comparisons import waiting_pairs


def visible_campaigns(user: Any) -> QuerySet[Campaign]:
    """Reviewers see every campaign, annotators those that are open and those they have worked in."""
    campaigns = Campaign.objects.select_related("checklist_version")
    if has_role(user, Role.REVIEWER, Role.ADMIN):
        return campaigns
    if not has_role(user, Role.ANNOTATOR):
        return campaigns.none()
    mine = Assignment.objects.filter(annotator=user).values("campaign_item__campaign")
    compared = Comparison.objects.filter(annotator=user).values("pair__campaign")
    seen = Q(state=CampaignState.OPEN) | Q(pk__in=mine) | Q(pk__in=compared)
    return campaigns.filter(seen).exclude(state=CampaignState.DRAFT)


def with_progress(campaigns: QuerySet[Campaign]) -> QuerySet[Campaign]:
    """Adds ``items_count``, ``needed_count``, ``submitted_count`` and ``complete_count``; items with known answers
    (gold, qualification) are not work and do not count."""
    work = Q(campaign_items__purpose=Purpose.WORK)
    return campaigns.annotate(
        items_count=Count("campaign_items", filter=work),
        needed_count=Sum("campaign_items__needed", filter=work, default=0),
        submitted_count=Sum("campaign_items__submitted", filter=work, default=0),
        complete_count=Count(
            "campaign_items", filter=work & Q(campaign_items__submitted__gte=F("campaign_items__needed"))
        ),
    )


def campaign_progress(campaign: Campaign) -> dict[str, Any]:
    """Counts of one campaign, and who has done how much."""
    counts = with_progress(Campaign.objects.filter(pk=campaign.pk)).values(
        "items_count", "needed_count", "submitted_count", "complete_count"
    )[0]
    states = dict(
        Assignment.objects.filter(campaign_item__campaign=campaign)
        .order_by().values_list("state").annotate(n=Count("pk"))
    )  # fmt: skip
    people = (
        Assignment.objects.filter(campaign_item__campaign=campaign)
        .values("annotator__username", "annotator__is_synthetic")
        .annotate(
            submitted=Count("pk", filter=Q(state=AssignmentState.SUBMITTED)),
            skipped=Count("pk", filter=Q(state=AssignmentState.SKIPPED)),
            leased=Count("pk", filter=Q(state=AssignmentState.LEASED)),
        )
        .order_by("-submitted", "annotator__username")
    )
    return {**counts, "states": states, "people": list(people[:100])}


@dataclass(frozen=True)
class OwnShare:
    """How a campaign stands for one annotator: items that can still be given to them, in work, and finished."""

    left: int = 0
    in_work: int = 0
    done: int = 0


def own_shares(annotator: Any, campaigns: Iterable[Campaign]) -> dict[int, OwnShare]:
    """By the campaign's pk. In a campaign of comparisons, pairs are counted."""
    campaigns = list(campaigns)
    comparing = [campaign for campaign in campaigns if campaign.kind == CampaignKind.COMPARING]
    ids = [campaign.pk for campaign in campaigns if campaign.kind != CampaignKind.COMPARING]
    had = Assignment.objects.filter(annotator=annotator, campaign_item__campaign__in=ids)
    states = had.order_by().values_list("campaign_item__campaign", "state").annotate(n=Count("pk"))
    counts = {(pk, state): n for pk, state, n in states}
    waiting = (
        CampaignItem.objects.filter(campaign__in=ids, purpose__in=DATA, open_slots__gt=0)
        .exclude(pk__in=had.exclude(state=AssignmentState.EXPIRED).values("campaign_item"))
        .order_by()
    )
    left = dict(waiting.values_list("campaign").annotate(n=Count("pk")))
    return {
        pk: OwnShare(
            left=left.get(pk, 0),
            in_work=counts.get((pk, AssignmentState.LEASED), 0),
            done=counts.get((pk, AssignmentState.SUBMITTED), 0),
        )
        for pk in ids
    } | {campaign.pk: _pair_share(annotator, campaign) for campaign in comparing}


def _pair_share(annotator: Any, campaign: Campaign) -> OwnShare:
    had = Comparison.objects.filter(annotator=annotator, pair__campaign=campaign)
    counts = dict(had.order_by().values_list("state").annotate(n=Count("pk")))
    return OwnShare(
        left=waiting_pairs(campaign, annotator).count(),
        in_work=counts.get(AssignmentState.LEASED, 0),
        done=counts.get(AssignmentState.SUBMITTED, 0),
    )
