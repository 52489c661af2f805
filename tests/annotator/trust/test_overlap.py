"""Agreed items stop early, disputed ones are asked further, up to the maximum."""

import pytest

from annotator.trust.agreement import agreement_share


def test_agreed_items_stop_and_disputed_ones_go_on(make_campaign, make_user, make_policy, work_on):
    campaign = make_campaign(1, overlap=2)
    make_policy(campaign, overlap_max=4, agreement_bar=0.9)
    people = [make_user(name) for name in ("ann", "ben", "cem", "dee", "eve")]
    work_on(campaign, people[0])
    work_on(campaign, people[1])
    assert campaign.campaign_items.get().needed == 2, "both agree"
    disputed = make_campaign(1, overlap=2)
    make_policy(disputed, overlap_max=4, agreement_bar=0.9)
    work_on(disputed, people[0])
    work_on(disputed, people[1], worst=True)
    row = disputed.campaign_items.get()
    assert (row.needed, row.open_slots) == (3, 1)
    work_on(disputed, people[2], worst=True)
    work_on(disputed, people[3])
    row = disputed.campaign_items.get()
    assert (row.needed, row.open_slots, row.submitted) == (4, 0, 4), "never more than the maximum"
    assert work_on(disputed, people[4]) is None


def test_without_a_maximum_the_overlap_is_fixed(make_campaign, make_user, make_policy, work_on):
    campaign = make_campaign(1, overlap=2)
    make_policy(campaign, overlap_max=None, agreement_bar=1.0)
    work_on(campaign, make_user("ann"))
    work_on(campaign, make_user("ben"), worst=True)
    assert campaign.campaign_items.get().needed == 2


def test_agreement_is_the_mean_share_of_the_most_frequent_level():
    assert agreement_share([]) == 0.0
    assert agreement_share([("a", 1)]) == 1.0
    assert agreement_share([("a", 1), ("a", 1), ("a", 2), ("b", 0), ("b", 0), ("b", 0)]) == pytest.approx(
        (2 / 3 + 1) / 2
    )
