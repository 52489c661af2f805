"""Handing out items: each to enough people, to none twice, and nobody in anybody's way."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from annotator.campaigns.models import Assignment, AssignmentState, CampaignItem, CampaignState
from annotator.campaigns.services import (
    lease_next_item,
    record_judgment,
    release_expired_leases,
    set_state,
    skip_assignment,
    submit_assignment,
    take_up_again,
)
from annotator.core.errors import ConflictError


def slots_add_up():
    """open = needed − submitted − leased, for every item."""
    for row in CampaignItem.objects.all():
        leased = row.assignments.filter(state=AssignmentState.LEASED).count()
        submitted = row.assignments.filter(state=AssignmentState.SUBMITTED).count()
        assert row.open_slots == row.needed - submitted - leased, row.pk
        assert row.submitted == submitted


def test_asking_again_gives_the_item_on_the_screen(make_campaign, make_user):
    campaign, ann = make_campaign(3), make_user("ann")
    first = lease_next_item(campaign=campaign, annotator=ann)
    assert lease_next_item(campaign=campaign, annotator=ann) == first
    slots_add_up()


def test_the_item_behind_the_screen_is_another_one_and_only_one(make_campaign, make_user):
    campaign, ann = make_campaign(4), make_user("ann")
    first = lease_next_item(campaign=campaign, annotator=ann)
    second = lease_next_item(campaign=campaign, annotator=ann, after=first.token)
    assert second.campaign_item != first.campaign_item
    assert lease_next_item(campaign=campaign, annotator=ann, after=first.token) == second
    assert Assignment.objects.count() == 2
    slots_add_up()


def test_an_item_is_never_given_to_the_same_person_twice(make_campaign, make_user, answer_all):
    campaign, ann = make_campaign(3, overlap=2), make_user("ann")
    seen = []
    while assignment := lease_next_item(campaign=campaign, annotator=ann):
        seen.append(assignment.campaign_item_id)
        answer_all(assignment)
        submit_assignment(token=assignment.token, annotator=ann)
    assert sorted(seen) == sorted(set(seen))
    assert len(seen) == 3
    slots_add_up()


def test_a_skipped_item_goes_to_somebody_else(make_campaign, make_user):
    campaign, ann, bo = make_campaign(1, overlap=1), make_user("ann"), make_user("bo")
    mine = lease_next_item(campaign=campaign, annotator=ann)
    assert lease_next_item(campaign=campaign, annotator=bo) is None
    skip_assignment(token=mine.token, annotator=ann, reason="broken")
    assert lease_next_item(campaign=campaign, annotator=ann) is None
    assert lease_next_item(campaign=campaign, annotator=bo).campaign_item == mine.campaign_item
    slots_add_up()


def test_a_lease_that_ran_out_frees_the_item_and_its_answers_wait(make_campaign, make_user):
    campaign, ann, bo = make_campaign(1, overlap=1), make_user("ann"), make_user("bo")
    mine = lease_next_item(campaign=campaign, annotator=ann)
    later = timezone.now() + timedelta(seconds=campaign.lease_seconds + 1)
    assert release_expired_leases(now=timezone.now()) == 0
    assert release_expired_leases(now=later) == 1
    slots_add_up()
    again = lease_next_item(campaign=campaign, annotator=ann)
    assert again.pk == mine.pk
    assert again.state == AssignmentState.LEASED
    release_expired_leases(now=later)
    assert lease_next_item(campaign=campaign, annotator=bo) is not None
    assert lease_next_item(campaign=campaign, annotator=ann) == mine, "what was given may be finished"
    assert campaign.campaign_items.get().open_slots == -1
    slots_add_up()


def test_the_most_urgent_item_comes_first(make_campaign, make_user):
    campaign = make_campaign(3)
    urgent = campaign.campaign_items.last()
    CampaignItem.objects.filter(pk=urgent.pk).update(priority=5)
    assert lease_next_item(campaign=campaign, annotator=make_user("ann")).campaign_item == urgent


@pytest.mark.parametrize("state", [CampaignState.PAUSED, CampaignState.CLOSED])
def test_only_an_open_campaign_hands_out_items(make_campaign, make_user, state):
    campaign = make_campaign(1)
    set_state(campaign=campaign, state=state)
    campaign.refresh_from_db()
    with pytest.raises(ConflictError, match="no items are being assigned"):
        lease_next_item(campaign=campaign, annotator=make_user("ann"))


@pytest.mark.django_db(transaction=True)
def test_fifty_people_at_once_fill_every_item_exactly(make_campaign, make_user):
    campaign = make_campaign(20, overlap=3)
    people = [make_user(f"person{n}") for n in range(50)]
    barrier = threading.Barrier(len(people), timeout=60)

    def work(person):
        try:
            barrier.wait()
            mine = []
            while assignment := lease_next_item(campaign=campaign, annotator=person):
                mine.append(assignment.campaign_item_id)
                # what submit_assignment does to the slots, without the answers
                Assignment.objects.filter(pk=assignment.pk).update(state=AssignmentState.SUBMITTED)
            return mine
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(people)) as pool:
        given = list(pool.map(work, people))
    assert all(len(mine) == len(set(mine)) for mine in given)
    per_item = {row.pk: row.assignments.count() for row in campaign.campaign_items.all()}
    assert set(per_item.values()) == {3}
    assert set(campaign.campaign_items.values_list("open_slots", flat=True)) == {0}


@pytest.mark.django_db(transaction=True)
def test_one_person_clicking_ten_times_at_once_holds_one_item(make_campaign, make_user):
    campaign, ann = make_campaign(20), make_user("ann")
    barrier = threading.Barrier(10, timeout=60)

    def click(_):
        try:
            barrier.wait()
            return lease_next_item(campaign=campaign, annotator=ann).pk
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        assert len(set(pool.map(click, range(10)))) == 1
    slots_add_up()


def test_the_item_on_the_screen_is_not_its_own_next_one(make_campaign, make_user):
    campaign, ann = make_campaign(items=1), make_user("ann")
    shown = lease_next_item(campaign=campaign, annotator=ann)
    Assignment.objects.filter(pk=shown.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    release_expired_leases()
    assert lease_next_item(campaign=campaign, annotator=ann, after=shown.token) is None
    assert lease_next_item(campaign=campaign, annotator=ann) == shown  # asked for afresh, it is taken up again


def test_two_leases_of_one_item_that_ran_out_give_back_two_slots(make_campaign, make_user):
    campaign = make_campaign(1, overlap=2)
    for name in ("ann", "bo"):
        lease_next_item(campaign=campaign, annotator=make_user(name))
    assert campaign.campaign_items.get().open_slots == 0
    assert release_expired_leases(now=timezone.now() + timedelta(hours=2)) == 2
    assert campaign.campaign_items.get().open_slots == 2


def test_skipping_and_taking_up_again_holds_no_more_items_than_leasing(make_campaign, make_user):
    campaign, ann = make_campaign(5), make_user("ann")
    skipped = []
    for _ in range(3):
        assignment = lease_next_item(campaign=campaign, annotator=ann)
        skipped.append(skip_assignment(token=assignment.token, annotator=ann, reason="other"))
    for assignment in skipped[:2]:
        take_up_again(token=assignment.token, annotator=ann)
    with pytest.raises(ConflictError) as refused:
        take_up_again(token=skipped[2].token, annotator=ann)
    assert refused.value.code == "enough"
    assert Assignment.objects.filter(annotator=ann, state="leased").count() == 2


def test_answering_what_ran_out_holds_no_more_items_than_leasing(make_campaign, make_user):
    campaign, ann = make_campaign(5), make_user("ann")
    old = lease_next_item(campaign=campaign, annotator=ann)
    release_expired_leases(now=timezone.now() + timedelta(hours=2))
    held = lease_next_item(campaign=campaign, annotator=ann, after=old.token)
    assert lease_next_item(campaign=campaign, annotator=ann, after=held.token) == old, "what ran out comes first"
    Assignment.objects.filter(pk=old.pk).update(state="expired")
    third = campaign.campaign_items.exclude(assignments__annotator=ann)[0]
    times = {"leased_at": timezone.now(), "lease_expires_at": timezone.now() + timedelta(hours=1)}
    Assignment.objects.create(campaign_item=third, annotator=ann, state="leased", **times)
    with pytest.raises(ConflictError):
        record_judgment(
            token=old.token, annotator=ann, sub_dimension="clarity", level=1, idempotency_key="k", sequence=1
        )
