"""Too fast item after item: a word in the page first, then a pause."""

from datetime import timedelta

import pytest

from annotator.campaigns.models import Assignment
from annotator.trust.models import AnnotatorStanding
from annotator.trust.services import notice_haste, warn_of_haste

BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def campaign(make_campaign, make_policy):
    campaign = make_campaign(6, overlap=1)
    make_policy(campaign, haste_limit=4)
    return campaign


def test_whoever_is_too_fast_at_every_item_is_warned_in_the_page_and_then_paused(campaign, make_user, work_on, client):
    ann = make_user("ann")
    work_on(campaign, ann)
    assert warn_of_haste(campaign, ann) is None, "one quick item is nothing"
    work_on(campaign, ann)
    client.force_login(ann, backend=BACKEND)
    page = client.get(f"/campaigns/{campaign.pk}/work/", follow=True).content.decode()
    assert "faster than they can be viewed" in page
    for _ in range(2):
        work_on(campaign, ann)
    standing = AnnotatorStanding.objects.get(annotator=ann)
    assert standing.state == "paused"
    assert "The latest 4 items" in standing.reason


def test_an_item_that_was_looked_at_ends_the_row(campaign, make_user, work_on):
    ann = make_user("ann")
    for number in range(3):
        done = work_on(campaign, ann)
        if number == 2:
            minutes = done.submitted_at - timedelta(minutes=2)
            Assignment.objects.filter(annotator=ann).exclude(pk=done.pk).update(submitted_at=minutes)
            Assignment.objects.filter(pk=done.pk).update(leased_at=minutes)
    assert notice_haste(campaign=campaign, annotator=ann) == 0


def test_claimed_time_is_not_believed_beyond_the_clock(campaign, make_user, work_on):
    ann = make_user("ann")
    for _ in range(2):
        done = work_on(campaign, ann)
        done.judgments.update(milliseconds=60_000)
    assert notice_haste(campaign=campaign, annotator=ann) == 2


def test_without_a_limit_nobody_is_paused(campaign, make_user, make_policy, work_on):
    ann = make_user("ann")
    make_policy(campaign, haste_limit=0)
    for _ in range(5):
        work_on(campaign, ann)
    assert not AnnotatorStanding.objects.filter(annotator=ann, state="paused").exists()
