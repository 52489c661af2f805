"""The items of a campaign, for those who run it."""

from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from annotator.campaigns.models import Campaign, CampaignItem, Flag, FlagOutcome, Purpose

# What a list of items may show.
SHOWN = {
    "waiting": _("Still need somebody"),
    "complete": _("Complete"),
    "known": _("Known answers"),
    "out": _("Taken out"),
    "all": _("All"),
}

_WHICH = {
    "waiting": Q(purpose=Purpose.WORK, submitted__lt=F("needed")),
    "complete": Q(purpose=Purpose.WORK, submitted__gte=F("needed")),
    "known": Q(purpose__in=(Purpose.GOLD, Purpose.QUALIFICATION)),
    "out": Q(purpose=Purpose.WITHDRAWN),
    "all": Q(),
}


def items_of(campaign: Campaign, *, show: str = "all", prompt: str = "") -> QuerySet[CampaignItem]:
    """In the order in which they are handed out. ``show``: a key of SHOWN; ``prompt``: part of the prompt's text."""
    found = CampaignItem.objects.filter(_WHICH[show], campaign=campaign)
    found = found.select_related("item__prompt", "item__generator")
    if prompt:
        found = found.filter(item__prompt__text__icontains=prompt)
    return found.order_by(F("priority").desc(), "pk")


def items_counted(campaign: Campaign) -> dict[str, int]:
    """How many items each of SHOWN has."""
    return CampaignItem.objects.filter(campaign=campaign).aggregate(
        **{key: Count("pk", filter=which) if which else Count("pk") for key, which in _WHICH.items()}
    )


def troubles_of(rows: list[CampaignItem]) -> dict[int, tuple[int, int]]:
    """{pk of the CampaignItem: (people who left it, open reports)}, for those that have any."""
    pks = [row.pk for row in rows]
    skipped = dict(
        CampaignItem.objects.filter(pk__in=pks, assignments__state="skipped").values_list("pk").annotate(n=Count("pk"))
    )
    reports = dict(
        Flag.objects.filter(assignment__campaign_item__in=pks, outcome=FlagOutcome.OPEN)
        .order_by().values_list("assignment__campaign_item").annotate(n=Count("pk"))
    )  # fmt: skip
    return {pk: (skipped.get(pk, 0), reports.get(pk, 0)) for pk in {*skipped, *reports}}
