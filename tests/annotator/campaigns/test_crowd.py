"""A crowd at once, on the real database: every item exactly so often, and nobody in anybody's way."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError, connection, connections, transaction
from django.db.models import Count

from annotator.accounts.models import User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, AssignmentState, CampaignItem, CampaignState
from annotator.campaigns.services import (
    create_campaign,
    lease_next_item,
    load_checklist_text,
    record_judgment,
    submit_assignment,
)
from annotator.library.models import Generator, Item, Prompt

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE, ITEMS, OVERLAP = 64, 500, 3
LONGEST_WAIT = "100ms"

CHECKLIST = """
id: crowd
media_type: image
name: Crowd checklist
version: 1
dimensions:
  - id: quality
    name: Quality
    sub_dimensions:
      - id: sharpness
        name: Sharpness
        description: "How sharp it is."
        levels:
          - {score: -1, name: Blurry, guidance: "Blurry."}
          - {score: 0, name: Fair, guidance: "Fair.", question: {id: sharpness_1, text: "Is it not blurry?"}}
          - {score: 1, name: Sharp, guidance: "Sharp.", question: {id: sharpness_2, text: "Is it sharp?"}}
"""


@pytest.fixture
def crowd(db):
    """An open campaign of many items, and as many people."""
    version, _ = load_checklist_text(text=CHECKLIST, source="crowd.yaml")
    prompt = Prompt.objects.create(text="A kite over the sea")
    generator = Generator.objects.create(name="crowd", parameters_sha256="")
    items = Item.objects.bulk_create(
        Item(media_type="image", prompt=prompt, generator=generator, sha256=f"{number:064x}", extension="png",
             mime_type="image/png", size_bytes=1, width=64, height=64)
        for number in range(ITEMS)
    )  # fmt: skip
    people = User.objects.bulk_create(User(username=f"person-{number}", password="!") for number in range(PEOPLE))
    Group.objects.get_or_create(name="annotator")[0].user_set.add(*people)
    campaign = create_campaign(
        name="Crowd", checklist_version=version, items=items, overlap=OVERLAP, state=CampaignState.OPEN
    )
    return campaign, people


def impatient(work, *args):
    """Do some work on a connection of its own, on which waiting too long for anybody's lock is an error."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = %s", [LONGEST_WAIT])
            cursor.execute("SET synchronous_commit = off")  # how busy the disk is, is not asked here
        return work(*args)
    finally:
        connections.close_all()


def annotate(assignment):
    """What the page does with an item: every ladder, then submit."""
    for sub in checklist_of(assignment.campaign_item.campaign.checklist_version).ordinal:
        record_judgment(
            assignment_id=assignment.pk, annotator=assignment.annotator, sub_dimension=sub.id, level=sub.highest,
            idempotency_key=sub.id, sequence=1,
        )  # fmt: skip
    submit_assignment(assignment_id=assignment.pk, annotator=assignment.annotator)


def annotate_all(campaign, person, ready):
    """One item after the other until nothing is left; returns the items."""
    items = []
    ready.wait()
    while assignment := lease_next_item(campaign=campaign, annotator=person):
        annotate(assignment)
        items.append(assignment.campaign_item_id)
    return items


def test_a_crowd_fills_every_item_exactly_and_nobody_waits_for_anybodys_lock(crowd):
    campaign, people = crowd
    ready = threading.Barrier(PEOPLE, timeout=60)
    with ThreadPoolExecutor(PEOPLE) as pool:
        given = list(pool.map(lambda person: impatient(annotate_all, campaign, person, ready), people))
    assert sum(map(len, given)) == ITEMS * OVERLAP
    # Assignments are never taken away again: had an item been handed out once too often, there were one too many.
    people_of = Count("assignments__annotator", distinct=True)
    counts = campaign.campaign_items.annotate(given=Count("assignments"), people=people_of)
    assert set(counts.values_list("given", "people", "submitted", "open_slots")) == {(OVERLAP, OVERLAP, OVERLAP, 0)}
    assert set(Assignment.objects.values_list("state", flat=True)) == {AssignmentState.SUBMITTED}


def test_a_lock_that_is_held_too_long_would_have_been_noticed(crowd):
    campaign, (ann, *_) = crowd
    mine = lease_next_item(campaign=campaign, annotator=ann)
    with transaction.atomic(), ThreadPoolExecutor(1) as pool:
        CampaignItem.objects.select_for_update().get(pk=mine.campaign_item_id)
        with pytest.raises(OperationalError, match="lock timeout"):
            pool.submit(impatient, annotate, mine).result()
