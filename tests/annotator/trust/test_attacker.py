"""Somebody who wants to know which items are gold looks at all that the platform sends, and learns nothing."""

import json
import re
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, Campaign, CampaignItem, Judgment, Purpose
from annotator.campaigns.services import add_items, lease_next_item, release_expired_leases, submit_assignment
from annotator.campaigns.services.leases import _queue
from annotator.trust import tasks
from annotator.trust.services import set_known_answers
from tests import factories

BACKEND = "django.contrib.auth.backends.ModelBackend"
PEOPLE = 6
Session = tuple[NDArray[np.float64], NDArray[np.bool_]]
# Where nothing is told, one run in a thousand fails by chance; a planted leak is as unlikely as can be told.
CHANCE = 0.001


@pytest.fixture
def crowd(
    make_campaign: Callable[..., Campaign],
    make_user: Callable[..., Any],
    make_policy: Callable[..., Any],
    files: object,
) -> list[Session]:
    """For each of several people: all that was sent to them as numbers, item by item, and which items were gold."""
    prompt = factories.make_prompt("A red kite over the sea")
    items = [factories.make_item(prompt=prompt) for _ in range(24)]
    campaign = make_campaign(0, overlap=PEOPLE)
    add_items(campaign=campaign, items=items)
    make_policy(campaign, gold_every=2)
    # As a reviewer would: gold is chosen among the items that there are, old and new.
    for row in campaign.campaign_items.order_by("?")[:12]:
        set_known_answers(campaign_item=row, levels={"clarity": 2}, purpose=Purpose.GOLD)
    return [work_through(campaign, make_user(f"person{n}")) for n in range(PEOPLE)]


def work_through(campaign: Campaign, person: Any) -> Session:
    """One person's session: take an item, look at it, answer, submit; by the API and by the page in turn."""
    client = Client()
    client.force_login(person, backend=BACKEND)
    rows, gold = [], []
    subs = checklist_of(campaign.checklist_version).ordinal
    for _ in range(8):
        answers = [ask(client, "POST", f"/api/v1/campaigns/{campaign.pk}/next/")]
        told = answers[0][0].json()
        address = f"/campaigns/assignments/{told['id']}/"
        answers += [ask(client, "GET", address), ask(client, "GET", told["media_url"])]
        act = {"sub_dimension": "clarity", "level": 2, "key": "k", "sequence": 1}
        answers.append(ask(client, "POST", f"{address}judgments/", act))
        rest = [sub for sub in subs if sub.id != "clarity"]
        Judgment.objects.bulk_create(
            Judgment(assignment_id=told["id"], sub_dimension=sub.id, level=sub.highest) for sub in rest
        )
        answers.append(ask(client, "POST", f"{address}submit/"))
        assert [answer.status_code for answer, _ in answers] == [200] * 5
        rows.append(numbers(told, answers))
        gold.append(CampaignItem.objects.get(assignments=told["id"]).purpose == Purpose.GOLD)
    return np.array(rows), np.array(gold)


def ask(client: Client, method: str, path: str, body: Any = None) -> tuple[Any, int]:
    """The answer, and with how many statements it was made: what time tells is mostly that, and does not waver."""
    statements = 0

    def count(execute: Callable[..., Any], *args: Any) -> Any:
        nonlocal statements
        statements += 1
        return execute(*args)

    with connection.execute_wrapper(count):
        answer = client.generic(
            method, path, json.dumps(body or {}), content_type="application/json", HTTP_ACCEPT="application/json"
        )
    return answer, statements


def numbers(told: dict[str, Any], answers: list[tuple[Any, int]]) -> list[float]:
    """All that arrived, as numbers: ids, times, counts, sizes, headers, and the number of statements behind each."""
    page = answers[1][0].content.decode()
    data = json.loads(re.search(r'<script id="workspace-data"[^>]*>(.*?)</script>', page, re.S)[1])  # type: ignore[index]
    row = CampaignItem.objects.get(assignments=told["id"])
    leased, expires = (datetime.fromisoformat(told[name]).timestamp() for name in ("leased_at", "lease_expires_at"))
    found = [
        float(told["id"]),
        # No id of the item arrives, but a picture may tell its kin, and so when it came in.
        float(row.item_id),
        float(uuid.UUID(told["item"]).int >> 96),
        expires - leased,
        float(re.search(r"<b>(\d+)</b> to do", page)[1]),  # type: ignore[index]
        float(len(data["ladders"]) + len(json.dumps(data["texts"])) + len(data["urls"])),
    ]
    for answer, statements in answers:
        size = float(answer.headers.get("Content-Length") or len(answer.content))
        # A form's token and the digits of an id have lengths of their own.
        found += [size, float(statements), float(len(answer.headers)), float(sum(map(len, answer.headers.values())))]
        modified, etag = answer.headers.get("Last-Modified"), answer.headers.get("ETag", '"0"').strip('"')
        found.append(parsedate_to_datetime(modified).timestamp() if modified else 0.0)
        found.append(float(int(re.sub(r"[^0-9a-f]", "", etag)[:12] or "0", 16)))
    return found


@pytest.fixture
def orders(
    make_campaign: Callable[..., Campaign], make_user: Callable[..., Any], make_policy: Callable[..., Any]
) -> list[Session]:
    """Longer sessions of which only the ids count: of the assignment, and of the item as a picture may tell it.

    Everybody works on items of their own: whoever is told by others which item is gold knows it without a leak.
    """
    sessions = []
    for n in range(PEOPLE):
        campaign = make_campaign(45, overlap=1)
        make_policy(campaign, gold_every=3)
        for row in campaign.campaign_items.order_by("?")[:20]:
            set_known_answers(campaign_item=row, levels={"clarity": 2}, purpose=Purpose.GOLD)
        person, ids, gold = make_user(f"person{n}"), [], []
        for _ in range(20):
            row = lease_next_item(campaign=campaign, annotator=person)
            ids.append([float(row.pk), float(row.campaign_item.item_id)])
            gold.append(row.campaign_item.purpose == Purpose.GOLD)
            Assignment.objects.filter(pk=row.pk).update(state="submitted")
        sessions.append((np.array(ids), np.array(gold)))
    return sessions


def chance_of(crowd: list[Session]) -> float:
    """How likely a guess as good as a classifier's is by chance.

    The classifier learns from all people but one and ranks that one's items, each person in turn. Under chance which
    of a person's items are gold is any shuffle as likely as another, so the gold's ranks are compared with those of
    shuffles within each person (a permutation test).
    """
    rng = np.random.default_rng(0)
    whole = [with_order(table) for table, _ in crowd]
    varying = np.ptp(np.vstack(whole), axis=0) > 0
    tables = [table[:, varying] for table in whole]
    observed, shuffled = 0.0, np.zeros(5_000)
    for left_out, (_, gold) in enumerate(crowd):
        others = [n for n in range(len(crowd)) if n != left_out]
        trees = ExtraTreesClassifier(30, min_samples_leaf=2, max_features=0.5, random_state=0)
        trees.fit(np.vstack([tables[n] for n in others]), np.concatenate([crowd[n][1] for n in others]))
        said = trees.predict_proba(tables[left_out])[:, 1]
        ranks = np.lexsort((rng.random(len(gold)), said)).argsort()  # equals by lot
        observed += ranks[gold].sum()
        shuffled += rng.permuted(np.tile(ranks, (len(shuffled), 1)), axis=1)[:, gold].sum(axis=1)
    return float((1 + (shuffled >= observed).sum()) / (1 + len(shuffled)))


def with_order(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Order is where the secret was: each number beside its change and how often it stands before a smaller or after a
    larger one. Numbers are taken as they differ from the person's others."""
    change = np.diff(table, axis=0, prepend=table[:1])
    later = np.triu(np.ones((len(table), len(table)), dtype=bool), 1)[:, :, None]
    inverted = (table[:, None] > table[None]) & later
    return np.hstack([table - np.median(table, axis=0), change, 1.0 * inverted.sum(axis=0) + inverted.sum(axis=1)])


def ascending_ids(gold: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float64]:
    """Work in the order of its ids, gold from anywhere: what the queue did once."""
    ids = rng.permutation(1000)[: len(gold)].astype(float)
    ids[~gold] = np.sort(ids[~gold])
    return ids


def gaps_in_assignments(gold: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float64]:
    """Ids of assignments of which gold uses up one more."""
    return rng.integers(1000) + np.cumsum(1.0 + gold)


def a_byte_now_and_then(gold: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float64]:
    """A page that is a byte longer for nine in ten gold items."""
    return 5000.0 + (gold & (rng.random(len(gold)) < 0.9))


def with_leak(crowd: list[Session], plant: Callable[..., NDArray[np.float64]]) -> list[Session]:
    rng = np.random.default_rng(0)
    return [(np.column_stack([table, plant(gold, rng)]), gold) for table, gold in crowd]


def test_a_classifier_of_all_that_is_sent_does_no_better_than_chance(crowd: list[Session]) -> None:
    gold = np.concatenate([marks for _, marks in crowd])
    assert 0.2 < gold.mean() < 0.8, "there is something to find"
    assert chance_of(crowd) > CHANCE
    statements = np.vstack([table for table, _ in crowd])[1:, 7::6]  # the first request of all fills caches
    assert (np.ptp(statements, axis=0) == 0).all(), "work and gold take the same statements, of each request"
    assert chance_of(with_leak(crowd, a_byte_now_and_then)) < CHANCE, "a leak would be noticed"


def test_a_classifier_of_order_and_ids_does_no_better_than_chance(orders: list[Session]) -> None:
    assert chance_of(orders) > CHANCE
    for plant in (ascending_ids, gaps_in_assignments):
        assert chance_of(with_leak(orders, plant)) < CHANCE, f"the test is blind to {plant.__name__}"
    for ids in (table[:, 0] for table, _ in orders):
        assert set(np.diff(ids)) == {1.0}, "whatever is handed out takes the next id"


@pytest.mark.parametrize("gold_place", [0, 1])
def test_gold_whose_lease_ran_out_comes_back_as_work_does(
    make_campaign: Callable[..., Campaign],
    make_user: Callable[..., Any],
    make_policy: Callable[..., Any],
    know: Callable[..., Any],
    gold_place: int,
) -> None:
    campaign, ann = make_campaign(6, overlap=1), make_user("ann")
    know(campaign, 2)
    taken: list[int] = []
    for place in range(2):
        make_policy(campaign, gold_every=1 if place == gold_place else 0)
        taken.append(lease_next_item(campaign=campaign, annotator=ann, after=taken[0] if taken else None).pk)
    purposes = [Assignment.objects.get(pk=pk).campaign_item.purpose for pk in taken]
    assert purposes.index(Purpose.GOLD) == gold_place
    make_policy(campaign, gold_every=30_000)
    Assignment.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert release_expired_leases() == 2
    again = [lease_next_item(campaign=campaign, annotator=ann).pk]
    again.append(lease_next_item(campaign=campaign, annotator=ann, after=again[0]).pk)
    assert again == taken


def test_when_the_work_is_done_no_gold_comes_either(
    make_campaign: Callable[..., Campaign],
    make_user: Callable[..., Any],
    make_policy: Callable[..., Any],
    know: Callable[..., Any],
    work_on: Callable[..., Any],
) -> None:
    campaign, ann = make_campaign(6, overlap=1), make_user("ann")
    know(campaign, 4)
    make_policy(campaign, gold_every=0)
    assert work_on(campaign, ann)
    assert work_on(campaign, ann)
    make_policy(campaign, gold_every=1)
    assert lease_next_item(campaign=campaign, annotator=ann) is None


def test_nothing_that_is_sent_names_the_item(make_campaign, make_user, client, files):
    campaign, ann = make_campaign(0, overlap=1), make_user("ann")
    item = factories.make_item()
    add_items(campaign=campaign, items=[item])
    client.force_login(ann, backend=BACKEND)
    told = client.post(f"/api/v1/campaigns/{campaign.pk}/next/", content_type="application/json").json()
    token = str(Assignment.objects.get().token)
    assert told["item"] == token
    page = client.get(f"/campaigns/assignments/{told['id']}/").content.decode()
    assert "/library/" not in re.sub(r'href="/library/"', "", page)
    media = client.get(told["media_url"])
    assert media.status_code == 200
    assert item.sha256 not in str(media.headers)
    for address in (f"/library/{item.pk}/media/", f"/library/{item.pk}/thumbnail/", f"/library/{item.pk}/"):
        assert client.get(address).status_code in (403, 404), "no trying of ids until one gives the same bytes"
    client.force_login(make_user("bo"), backend=BACKEND)
    assert client.get(f"/campaigns/media/{token}/").status_code == 404


def test_a_submit_does_the_same_for_gold_as_for_work_and_the_rest_after_the_commit(
    make_campaign, make_user, make_policy, know, answer_all, monkeypatch, django_capture_on_commit_callbacks
):
    later = []
    monkeypatch.setattr(tasks.follow_up, "delay", later.append)
    campaign, ann = make_campaign(2, overlap=1), make_user("ann")
    make_policy(campaign, gold_every=1)
    know(campaign, 1)
    asked = {}
    for _ in range(2):
        assignment = lease_next_item(campaign=campaign, annotator=ann)
        answer_all(assignment)
        with CaptureQueriesContext(connection) as captured, django_capture_on_commit_callbacks(execute=True):
            submit_assignment(assignment_id=assignment.pk, annotator=ann)
        asked[assignment.campaign_item.purpose] = [re.sub(r"\d+", "n", q["sql"])[:60] for q in captured]
    assert asked[Purpose.GOLD] == asked[Purpose.WORK]
    assert len(later) == 2


def test_everybody_has_an_order_of_their_own_and_keeps_it(make_campaign, make_user):
    campaign = make_campaign(30)
    added = list(campaign.campaign_items.order_by("pk").values_list("pk", flat=True))
    ann, bo = make_user("ann"), make_user("bo")
    orders = [list(_queue(campaign, person, {}).values_list("pk", flat=True)) for person in (ann, bo, ann)]
    assert orders[0] == orders[2]
    assert orders[0] != orders[1]
    assert added not in orders
    assert sorted(orders[0]) == added
