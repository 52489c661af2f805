"""How far campaigns are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Least

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
    HumanComparison,
    Purpose,
)
from annotator.campaigns.queries.ahead import leased_ahead
from annotator.campaigns.queries.comparisons import waiting_pairs
from annotator.core import figures
from annotator.core.replica import reading_connection

# "1,000+" tells an annotator as much as the exact number, and a million rows are not counted for it.
LEFT_COUNTED = 1000


def visible_campaigns(user: Any) -> QuerySet[Campaign]:
    """List the campaigns that somebody may see.

    Reviewers see every campaign. Annotators see those that are open and those they have worked in.
    """
    campaigns = Campaign.objects.select_related("checklist_version")
    if has_role(user, Role.REVIEWER, Role.ADMIN):
        return campaigns
    if not has_role(user, Role.ANNOTATOR):
        return campaigns.none()
    mine = Assignment.objects.filter(annotator=user).values("campaign_item__campaign")
    compared = HumanComparison.objects.filter(annotator=user).values("pair__campaign")
    seen = Q(state=CampaignState.OPEN) | Q(pk__in=mine) | Q(pk__in=compared)
    return campaigns.filter(seen).exclude(state=CampaignState.DRAFT)


ALL_PROGRESS, PROGRESS = "campaigns.all-progress", "campaigns.progress"
NONE = {"items_count": 0, "needed_count": 0, "submitted_count": 0, "complete_count": 0}


def register() -> None:
    """Register the counts that workers make."""
    figures.register(ALL_PROGRESS, make=lambda _: _count(CampaignItem.objects.all()))
    figures.register(PROGRESS, make=_count_progress)


def add_progress(campaigns: Iterable[Campaign]) -> None:
    """Add how far each campaign is.

    Sets ``items_count``, ``needed_count``, ``submitted_count`` and ``complete_count``. Items with known answers (gold,
    qualification) are not work and do not count. For campaigns of comparisons, see ``count_pairs``.
    """
    counts: dict[int, dict[str, int]] = figures.present(ALL_PROGRESS)
    for campaign in campaigns:
        for name, n in counts.get(campaign.pk, NONE).items():
            setattr(campaign, name, n)


def _count(items: QuerySet[CampaignItem]) -> dict[int, dict[str, int]]:
    rows = (
        items.filter(purpose=Purpose.WORK)
        .order_by()
        .values_list("campaign")
        .annotate(
            items_count=Count("pk"),
            needed_count=Sum("needed"),
            # What an item has more than it needs must not hide what another one lacks.
            submitted_count=Sum(Least("submitted", "needed")),
            complete_count=Count("pk", filter=Q(submitted__gte=F("needed"))),
        )
    )
    return {campaign: dict(zip(NONE, counts, strict=True)) for campaign, *counts in rows}


def campaign_progress(campaign: Campaign) -> dict[str, Any]:
    """Count how far one campaign is, and who has done how much.

    For a large campaign, these are the counts a worker made seconds ago.
    """
    found: dict[str, Any] = figures.present(PROGRESS, campaign.pk)
    return found


def _count_progress(campaign: int) -> dict[str, Any]:
    counts = _count(CampaignItem.objects.filter(campaign=campaign)).get(campaign, NONE)
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
    ahead = Counter(username for _, username in leased_ahead(Assignment, campaign))
    states[AssignmentState.LEASED] = states.get(AssignmentState.LEASED, 0) - ahead.total()
    rows = [row | {"leased": row["leased"] - ahead[row["annotator__username"]]} for row in people[:100]]
    return {**counts, "states": states, "people": rows}


@dataclass(frozen=True)
class OwnShare:
    """How many items of a campaign are left, leased and done for one annotator.

    ``left`` are items that can still be given to them, counted up to LEFT_COUNTED.
    """

    left: int = 0
    in_work: int = 0
    done: int = 0

    @property
    def is_more(self) -> bool:
        """Whether more are left than were counted."""
        return self.left >= LEFT_COUNTED


def own_shares(annotator: Any, campaigns: Iterable[Campaign]) -> dict[int, OwnShare]:
    """Count what campaigns hold for one annotator, by the campaign's pk.

    In a campaign of comparisons, pairs are counted.
    """
    campaigns = list(campaigns)
    comparing = [campaign for campaign in campaigns if campaign.kind == CampaignKind.COMPARING]
    ids = [campaign.pk for campaign in campaigns if campaign.kind != CampaignKind.COMPARING]
    had = Assignment.objects.filter(annotator=annotator, campaign_item__campaign__in=ids)
    states = had.order_by().values_list("campaign_item__campaign", "state").annotate(n=Count("pk"))
    counts = {(pk, state): n for pk, state, n in states}
    left = _left(annotator, ids)
    # What ran out can be taken up again, needed or not.
    lapsed = had.filter(state=AssignmentState.EXPIRED, campaign_item__purpose__in=DATA).order_by()
    again = dict(lapsed.values_list("campaign_item__campaign").annotate(n=Count("pk")))
    return {
        pk: OwnShare(
            left=left.get(pk, 0) + again.get(pk, 0),
            in_work=counts.get((pk, AssignmentState.LEASED), 0),
            done=counts.get((pk, AssignmentState.SUBMITTED), 0),
        )
        for pk in ids
    } | {campaign.pk: _pair_share(annotator, campaign) for campaign in comparing}


def _left(annotator: Any, campaigns: list[int]) -> dict[int, int]:
    """Count items that can still be given to this person, up to LEFT_COUNTED, by campaign.

    Each campaign has its own part of the query. For a campaign that it knows, PostgreSQL knows how large it is and
    which index is short.
    """
    had = Assignment.objects.filter(campaign_item=OuterRef("pk"), annotator=annotator)
    parts: list[str] = []
    values: list[Any] = []
    for pk in campaigns:
        waiting = CampaignItem.objects.filter(~Exists(had), campaign=pk, purpose__in=DATA, open_slots__gt=0)
        sql, given = waiting.order_by().values("pk")[:LEFT_COUNTED].query.sql_with_params()
        parts.append(f"SELECT %s::bigint, count(*) FROM ({sql}) AS waiting")
        values += [pk, *given]
    if not parts:
        return {}
    with reading_connection().cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        return dict(cursor.fetchall())


def _pair_share(annotator: Any, campaign: Campaign) -> OwnShare:
    had = HumanComparison.objects.filter(annotator=annotator, pair__campaign=campaign)
    counts = dict(had.order_by().values_list("state").annotate(n=Count("pk")))
    return OwnShare(
        left=waiting_pairs(campaign, annotator)[:LEFT_COUNTED].count(),
        in_work=counts.get(AssignmentState.LEASED, 0),
        done=counts.get(AssignmentState.SUBMITTED, 0),
    )
