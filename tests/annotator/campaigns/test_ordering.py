"""The order in which a campaign hands out its items."""

from annotator.campaigns.models import QueueOrder
from annotator.campaigns.services import lease_next_item, set_priorities, set_queue_order


def order_of(campaign, annotator):
    from annotator.campaigns.models import Assignment

    seen = []
    while assignment := lease_next_item(campaign=campaign, annotator=annotator):
        Assignment.objects.filter(pk=assignment.pk).update(state="submitted")
        seen.append(assignment.campaign_item.item_id)
    return seen


def test_by_priority_and_equal_ones_in_an_order_of_ones_own(make_campaign, make_user):
    campaign = make_campaign(12, overlap=2)
    items = list(campaign.campaign_items.order_by("pk").values_list("item_id", flat=True))
    set_priorities(campaign=campaign, priorities={items[2]: 5})
    orders = [order_of(campaign, make_user(name)) for name in ("ann", "bo")]
    assert [order[0] for order in orders] == [items[2], items[2]]
    assert [sorted(order) for order in orders] == [items, items]
    assert orders[0] != orders[1], "one chance in 40 million"


def test_at_random_is_another_order_and_still_everything(make_campaign, make_user):
    campaign = make_campaign(24, queue_order=QueueOrder.RANDOM)
    items = list(campaign.campaign_items.order_by("pk").values_list("item_id", flat=True))
    seen = order_of(campaign, make_user("ann"))
    assert sorted(seen) == items
    assert seen != items, "one chance in 10^23"


def test_back_to_equal_priorities(make_campaign):
    campaign = make_campaign(6, queue_order=QueueOrder.RANDOM)
    set_queue_order(campaign=campaign, order=QueueOrder.PRIORITY)
    assert set(campaign.campaign_items.values_list("priority", flat=True)) == {0}
