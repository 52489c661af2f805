"""Set the priorities of a campaign's items, by which ``leases`` hands them out: one index serves every order."""

from collections.abc import Mapping

from django.db import transaction
from django.db.models import IntegerField
from django.db.models.functions import Cast, Random

from annotator.campaigns.models import Campaign, CampaignItem, QueueOrder

RANDOM_RANGE = 1_000_000


def shuffle(campaign: Campaign) -> None:
    """Give every item of the campaign a priority by chance."""
    campaign.campaign_items.update(priority=Cast(Random() * RANDOM_RANGE, IntegerField()))


@transaction.atomic
def set_queue_order(*, campaign: Campaign, order: str) -> Campaign:
    """Change how the queue is ordered. By uncertainty, the order comes with the next scores; until then it stands."""
    campaign.queue_order = QueueOrder(order)
    campaign.save(update_fields=["queue_order", "updated_at"])
    if campaign.queue_order == QueueOrder.RANDOM:
        shuffle(campaign)
    elif campaign.queue_order == QueueOrder.PRIORITY:
        campaign.campaign_items.exclude(priority=0).update(priority=0)
    return campaign


@transaction.atomic
def set_priorities(*, campaign: Campaign, priorities: Mapping[int, int]) -> int:
    """Order a campaign by these priorities of its items (item → priority); others keep theirs. Returns how many."""
    rows = list(campaign.campaign_items.filter(item_id__in=list(priorities)).only("pk", "item_id", "priority"))
    for row in rows:
        row.priority = priorities[row.item_id]
    CampaignItem.objects.bulk_update(rows, ["priority"], batch_size=1000)
    return len(rows)
