"""Taking items out of a campaign, and putting them back: broken media, unsafe content, what should not be asked."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from annotator.campaigns.models import Campaign, CampaignItem, Purpose
from annotator.campaigns.signals import items_taken_out
from annotator.core.errors import ProblemError


@transaction.atomic
def take_out(*, campaign: Campaign, items: Iterable[int]) -> int:
    """Take items out of a campaign.

    The items (ids of the library) are handed to nobody any more, and their answers are left out of data and measures.

    Nothing is deleted: whoever has one on the screen may finish it, and an item that is put back has all its answers.
    Items that are out already stay so. Returns how many were taken out.

    Raises:
        ProblemError: If one is not in the campaign; then none is taken out.
    """
    rows = _rows(campaign, items)
    taken = rows.exclude(purpose=Purpose.WITHDRAWN).update(purpose_before=F("purpose"), purpose=Purpose.WITHDRAWN)
    if taken:
        items_taken_out.send(sender=CampaignItem, campaign=campaign)
    return taken


@transaction.atomic
def put_back(*, campaign: Campaign, items: Iterable[int]) -> int:
    """Make these items again what they were before they were taken out. Returns how many; raises as take_out does."""
    rows = _rows(campaign, items)
    return rows.filter(purpose=Purpose.WITHDRAWN).update(purpose=F("purpose_before"), purpose_before="")


def _rows(campaign: Campaign, items: Iterable[int]) -> QuerySet[CampaignItem]:
    wanted = set(items)
    rows = CampaignItem.objects.filter(campaign=campaign, item__in=wanted)
    there = set(rows.order_by("pk").select_for_update().values_list("item_id", flat=True))
    if lacking := wanted - there:
        raise ProblemError(
            _("Item %(n)d is not in the campaign “%(name)s”.") % {"n": min(lacking), "name": campaign.name},
            code="not_in_campaign",
        )
    return rows
