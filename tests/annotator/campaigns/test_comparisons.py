"""Two generations of one prompt: what is offered, what is kept, what is refused."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from annotator.campaigns import queries
from annotator.campaigns.models import Assignment, Comparison
from annotator.campaigns.services import lease_next_item, record_comparison, set_state, submit_assignment
from annotator.core.errors import ConflictError, NotAllowedError, ProblemError
from annotator.library.models import Item

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(make_user, client):
    user = make_user("ann")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return user


@pytest.fixture
def campaign(make_campaign, ann, answer_all):
    """Three items of one prompt and one of another, all annotated by ann."""
    campaign = make_campaign(4)
    items = list(Item.objects.filter(campaign_items__campaign=campaign).order_by("pk"))
    Item.objects.filter(pk__in=[item.pk for item in items[:3]]).update(prompt=items[0].prompt)
    while assignment := lease_next_item(campaign=campaign, annotator=ann):
        answer_all(assignment)
        submit_assignment(assignment_id=assignment.pk, annotator=ann)
    return campaign


def say(campaign, annotator, pair, preference="left", **fields):
    return record_comparison(
        campaign=campaign, annotator=annotator, left=pair.left.pk, right=pair.right.pk, preference=preference, **fields
    )


def test_every_pair_of_a_prompt_is_offered_once(campaign, ann):
    seen = []
    while pair := queries.next_pair(ann, campaign):
        assert pair.left.prompt_id == pair.right.prompt_id
        assert pair.left_to_do == 3 - len(seen)
        seen.append(frozenset((pair.left.pk, pair.right.pk)))
        say(campaign, ann, pair)
    assert len(seen) == len(set(seen)) == 3


def test_only_what_one_has_annotated_is_offered(campaign, make_user):
    assert queries.next_pair(make_user("bo"), campaign) is None


def test_changing_ones_mind_keeps_one_row_whichever_side_it_is_shown_on(campaign, ann):
    pair = queries.next_pair(ann, campaign)
    say(campaign, ann, pair, "left")
    swapped = queries.Pair(pair.right, pair.left, 0)
    say(campaign, ann, swapped, "tie")
    kept = Comparison.objects.get()
    assert (kept.left, kept.right, kept.preference) == (pair.right, pair.left, "tie")


def test_the_arrays_say_who_won(campaign, ann):
    wanted = []
    for preference, sign in (("left", 1), ("right", -1), ("tie", 0)):
        pair = queries.next_pair(ann, campaign)
        say(campaign, ann, pair, preference)
        wanted.append((pair.left.pk, pair.right.pk, sign))
    table = queries.preferences([campaign])
    assert list(zip(table.left.tolist(), table.right.tolist(), table.preferred.tolist(), strict=True)) == wanted
    assert queries.preferences([]).preferred.shape == (0,)


def test_what_is_no_pair_is_refused(campaign, ann, make_user):
    pair = queries.next_pair(ann, campaign)
    other = Item.objects.filter(campaign_items__campaign=campaign).exclude(prompt=pair.left.prompt).get()
    for wrong in (queries.Pair(pair.left, other, 0), queries.Pair(pair.left, pair.left, 0)):
        with pytest.raises(ProblemError, match="not two items of one prompt"):
            say(campaign, ann, wrong)
    with pytest.raises(ProblemError, match="left, right or tie"):
        say(campaign, ann, pair, "both")
    with pytest.raises(NotAllowedError):
        say(campaign, make_user("bo"), pair)
    set_state(campaign=campaign, state="paused")
    campaign.refresh_from_db()
    with pytest.raises(ConflictError):
        say(campaign, ann, pair)
    assert not Comparison.objects.exists()


def test_the_page_takes_an_answer_and_nonsense(client, campaign, ann):
    url = f"/campaigns/{campaign.pk}/compare/"
    pair = queries.next_pair(ann, campaign)
    page = client.get(url).content.decode()
    assert f'name="left" value="{pair.left.pk}"' in page
    assert pair.left.generator.name not in page.split("</header>", 1)[1]  # blind
    body = {"left": pair.left.pk, "right": pair.right.pk, "preference": "right", "milliseconds": "1200"}
    client.post(url, body)
    assert (Comparison.objects.get().preference, Comparison.objects.get().milliseconds) == ("right", 1200)
    refused = client.post(url, body | {"left": "9" * 30}, follow=True)
    assert b"not two items of one prompt" in refused.content
    assert Assignment.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_a_double_click_is_one_comparison(campaign, ann):
    pair = queries.next_pair(ann, campaign)
    barrier = threading.Barrier(6, timeout=60)

    def click(_):
        try:
            barrier.wait()
            say(campaign, ann, pair)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(click, range(6)))
    assert Comparison.objects.count() == 1
