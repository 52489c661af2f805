"""The items of a campaign, for those who run it."""

from collections.abc import Sequence

from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from annotator.campaigns.models import AssignmentState, Campaign, CampaignItem, Flag, FlagOutcome, Purpose
from annotator.core import figures

COUNTS = "campaigns.items"

# What a list of items may show: its name, and which they are.
SHOWN = {
    "waiting": (_("Need annotators"), Q(purpose=Purpose.WORK, submitted__lt=F("needed"))),
    "complete": (_("Complete"), Q(purpose=Purpose.WORK, submitted__gte=F("needed"))),
    "known": (_("Known answers"), Q(purpose__in=(Purpose.GOLD, Purpose.QUALIFICATION))),
    "out": (_("Removed"), Q(purpose=Purpose.WITHDRAWN)),
    "all": (_("All"), Q()),
}


def items_of(campaign: Campaign, *, show: str = "all", prompt: str = "") -> QuerySet[CampaignItem]:
    """List a campaign's items in the order they are handed out.

    Args:
        show: A key of SHOWN.
        prompt: Part of the prompt's text.
    """
    found = CampaignItem.objects.filter(SHOWN[show][1], campaign=campaign)
    found = found.select_related("item__prompt", "item__generator")
    if prompt:
        found = found.filter(item__prompt__text__icontains=prompt)
    return found.order_by(F("priority").desc(), "pk")


def items_counted(campaign: Campaign) -> dict[str, int]:
    """Count the items of each of SHOWN.

    For a large campaign, these are the counts a worker made seconds ago.
    """
    counts: dict[str, int] = figures.present(COUNTS, campaign.pk)
    return counts


def count_items(campaign: int) -> dict[str, int]:
    """Count the items of each of SHOWN."""
    return CampaignItem.objects.filter(campaign=campaign).aggregate(
        **{key: Count("pk", filter=which) if which else Count("pk") for key, (_name, which) in SHOWN.items()}
    )


def troubles_of(rows: Sequence[CampaignItem]) -> dict[int, tuple[int, int]]:
    """Count who skipped these items, and the open reports on them.

    Returns {pk of the CampaignItem: (people who skipped it, open reports)} for the items that have any.
    """
    pks = [row.pk for row in rows]
    skipped = dict(
        CampaignItem.objects.filter(pk__in=pks, assignments__state=AssignmentState.SKIPPED)
        .values_list("pk")
        .annotate(n=Count("pk"))
    )
    reports = dict(
        Flag.objects.filter(assignment__campaign_item__in=pks, outcome=FlagOutcome.OPEN)
        .order_by().values_list("assignment__campaign_item").annotate(n=Count("pk"))
    )  # fmt: skip
    return {pk: (skipped.get(pk, 0), reports.get(pk, 0)) for pk in {*skipped, *reports}}
