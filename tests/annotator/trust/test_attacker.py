"""Somebody who wants to know which items are gold looks at all that the platform sends, and learns nothing."""

import json
import random
import re
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import numpy as np
import pytest
from django.contrib.auth.hashers import make_password
from django.core import signing
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier

from annotator.accounts.models import User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import (
    Assignment,
    Campaign,
    CampaignItem,
    ComparisonPair,
    HumanComparison,
    Judgment,
    JudgmentChange,
    Purpose,
)
from annotator.campaigns.services import (
    add_items,
    create_comparison_campaign,
    lease_next_item,
    release_expired_leases,
    submit_assignment,
)
from annotator.campaigns.services.leases import _queue
from annotator.library.models import Item
from annotator.trust import tasks
from annotator.trust.services import set_known_answers
from tests import factories

BACKEND = "django.contrib.auth.backends.ModelBackend"
PEOPLE = 6
Session = tuple[NDArray[np.float64], NDArray[np.bool_]]
# Where nothing is told, one draw in a thousand looks as if something were (see ``one_draw``); a planted leak is as
# unlikely as can be told.
CHANCE = 0.001


@pytest.fixture
def one_draw(db: None, monkeypatch: pytest.MonkeyPatch, settings: Any) -> np.random.Generator:
    """All that is left to chance falls the same way in each run: which items are gold, when they come, every token and
    the order of the queue. What is tested stays what it was: whether this draw could be told from its shuffles."""
    settings.SECRET_KEY = "one draw"
    random.seed(0)
    rng = random.Random(1)
    for field, make in (
        (Assignment._meta.get_field("token"), lambda: uuid.UUID(int=rng.getrandbits(128), version=4)),
        (CampaignItem._meta.get_field("random_key"), rng.random),
    ):
        monkeypatch.setitem(field.__dict__, "_get_default", make)
    with connection.cursor() as cursor:
        for model in (User, Item, Campaign, CampaignItem, Assignment):  # their ids go into draws and orders
            sequence = f"pg_get_serial_sequence('{model._meta.db_table}', 'id')"
            cursor.execute(f"SELECT setval({sequence}, 1000000)")
    return np.random.default_rng(3)


def make_gold(campaign: Campaign, count: int, rng: np.random.Generator) -> None:
    """As a reviewer would: gold is chosen among the items that there are, old and new."""
    rows = list(campaign.campaign_items.order_by("pk"))
    for place in rng.choice(len(rows), count, replace=False):
        set_known_answers(campaign_item=rows[place], levels={"clarity": 2}, purpose=Purpose.GOLD)


def make_person(make_user: Callable[..., Any], n: int) -> Any:
    """Somebody whose password, which goes into the draw of gold, is stored alike in each run."""
    person = make_user(f"person{n}")
    person.password = make_password("open sesame 1", salt=f"salt{n}")
    person.save()
    return person


@pytest.fixture
def crowd(
    one_draw: np.random.Generator,
    make_campaign: Callable[..., Campaign],
    make_user: Callable[..., Any],
    make_policy: Callable[..., Any],
    files: object,
) -> list[Session]:
    """For each of several people: all that was sent to them as numbers, item by item, and which items were gold.

    Everybody works on items of their own: whoever is told by others which item is gold knows it without a leak.
    """
    prompt, sessions = factories.make_prompt("A red kite over the sea"), []
    for n in range(PEOPLE):
        campaign = make_campaign(0, overlap=1)
        add_items(campaign=campaign, items=[factories.make_item(prompt=prompt) for _ in range(16)])
        make_policy(campaign, gold_every=2)
        make_gold(campaign, 7, one_draw)
        sessions.append(work_through(campaign, make_person(make_user, n)))
    return sessions


def work_through(campaign: Campaign, person: Any) -> Session:
    """One person's session: take an item, look at it, answer, submit; by the API and by the page in turn."""
    client = Client()
    client.force_login(person, backend=BACKEND)
    rows, gold = [], []
    subs = checklist_of(campaign.checklist_version).ordinal
    for _ in range(8):
        answers = [ask(client, "POST", f"/api/v1/campaigns/{campaign.pk}/next/")]
        told = answers[0][0].json()
        given = Assignment.objects.get(token=told["id"])
        address = f"/campaigns/assignments/{told['id']}/"
        answers += [ask(client, "GET", address), ask(client, "GET", told["media_url"])]
        act = {"sub_dimension": "clarity", "level": 2, "key": "k", "sequence": 1}
        answers.append(ask(client, "POST", f"{address}judgments/", {"judgments": [act]}))
        rest = [sub for sub in subs if sub.id != "clarity"]
        Judgment.objects.bulk_create(
            Judgment(assignment=given, sub_dimension=sub.id, level=sub.highest) for sub in rest
        )
        answers.append(ask(client, "POST", f"{address}submit/"))
        assert [answer.status_code for answer, _ in answers] == [200] * 5
        rows.append(numbers(told, answers))
        gold.append(given.campaign_item.purpose == Purpose.GOLD)
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


def number_of(token: object) -> float:
    """The beginning of a token, as a number."""
    return float(uuid.UUID(str(token)).int >> 96)


def numbers(told: dict[str, Any], answers: list[tuple[Any, int]]) -> list[float]:
    """All that arrived, as numbers: ids, times, counts, sizes, headers, and the number of statements behind each."""
    page = answers[1][0].content.decode()
    data = json.loads(re.search(r'<script id="workspace-data"[^>]*>(.*?)</script>', page, re.S)[1])  # type: ignore[index]
    row = CampaignItem.objects.get(assignments__token=told["id"])
    leased, expires = (datetime.fromisoformat(told[name]).timestamp() for name in ("leased_at", "lease_expires_at"))
    found = [
        number_of(told["id"]),
        # No id of the item arrives, but a picture may tell its kin, and so when it came in.
        float(row.item_id),
        expires - leased,
        float(re.search(r"<b>(\d+)</b> remaining", page)[1]),  # type: ignore[index]
        float(len(data["ladders"]) + len(json.dumps(data["suggestions"])) + len(data["urls"])),
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
def counted(db: None) -> dict[str, int]:
    """Tables whose ids tell what came before what, each counting on from a number that nothing else comes near."""
    models = (Item, CampaignItem, Assignment, ComparisonPair, HumanComparison, Judgment, JudgmentChange)
    starts = {model._meta.db_table: 10**9 + 10**7 * place for place, model in enumerate(models)}
    with connection.cursor() as cursor:
        for table, start in starts.items():
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {start})")
    return starts


def test_no_number_that_counts_up_is_sent(
    counted: dict[str, int],
    make_campaign: Callable[..., Campaign],
    make_user: Callable[..., Any],
    answer_all: Callable[..., None],
    files: object,
) -> None:
    """In pages, answers, headers, addresses of media and cursors: nothing by which one assignment or item comes before
    another, of items as of pairs."""
    client = Client()
    client.force_login(make_user("ann"), backend=BACKEND)
    prompt = factories.make_prompt("A red kite over the sea")
    items = [factories.make_item(prompt=prompt) for _ in range(6)]
    judging = make_campaign(items, overlap=1)
    pairs = create_comparison_campaign(
        name="Pairs", pairs=[(items[0], items[1]), (items[2], items[3]), (items[4], items[5])], overlap=1, state="open"
    )
    sent: dict[str, str] = {}

    def ask(method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
        as_json = path.startswith("/api/") or path.endswith("/judgments/")
        kind = "application/json" if as_json else "application/x-www-form-urlencoded"
        data = json.dumps(body or {}) if kind == "application/json" else urlencode(body or {})
        answer = client.generic(method, path, data, content_type=kind, headers=headers)
        assert answer.status_code < 400, (path, answer.content)
        text = b"".join(answer.streaming_content) if answer.streaming else answer.content
        is_text = answer.headers.get("Content-Type", "").startswith(("text/html", "application/json"))
        sent[f"{method} {path}"] = f"{dict(answer.headers)} {text.decode() if is_text else ''}"
        return answer

    def walk(path: str) -> None:
        """A list of the API, a row a page, there and back; with what its cursors say."""
        while path:
            body = ask("GET", path.replace("http://testserver", "")).json()
            for name in ("next", "previous"):
                if body[name]:
                    cursor = parse_qs(urlsplit(body[name]).query)["cursor"][0]
                    sent[f"{name} of {path}"] = str(signing.loads(cursor, salt="annotator.core.pagination"))
            path = body["next"]

    page = ask("GET", f"/campaigns/{judging.pk}/work/")["Location"]
    ask("GET", page)
    ask("GET", ask("GET", f"/campaigns/{judging.pk}/next/?after={page.split('/')[-2]}")["X-Assignment-Url"])
    ask("POST", f"{page}flag/", {"reason": "other"}, accept="application/json")
    ask("POST", f"{page}skip/", {"reason": "other"})
    ask("POST", f"{page}take-up/")
    act = {"sub_dimension": "clarity", "level": 2, "key": "k", "sequence": 1}
    ask("POST", f"{page}judgments/", {"judgments": [act]})
    answer_all(Assignment.objects.get(token=page.split("/")[-2]))
    ask("POST", f"{page}submit/")
    ask("GET", page)
    told = ask("POST", f"/api/v1/campaigns/{judging.pk}/next/").json()
    for path, body in {
        "judgments": act,
        "flag": {"reason": "other"},
        "skip": {"reason": "other"},
        "take-up": {},
    }.items():
        ask("POST", f"/api/v1/assignments/{told['id']}/{path}/", body)
    ask("GET", f"/api/v1/assignments/{told['id']}/")
    ask("GET", told["media_url"].replace("http://testserver", ""))
    walk("/api/v1/assignments/?page_size=1")

    ask("GET", f"/campaigns/{pairs.pk}/compare/")
    own = HumanComparison.objects.order_by("pk").first()
    assert own is not None
    ask("POST", f"/campaigns/comparisons/{own.token}/", {"preference": "left"})
    ask("GET", f"/campaigns/comparisons/{own.token}/")
    ask("GET", f"/campaigns/{pairs.pk}/compare/")
    told = ask("POST", f"/api/v1/comparison-campaigns/{pairs.pk}/next/").json()
    for path, body in {"skip": {"reason": "other"}, "take-up": {}, "prefer": {"preference": "tie"}}.items():
        ask("POST", f"/api/v1/comparisons/{told['id']}/{path}/", body)
    ask("GET", told["left_url"].replace("http://testserver", ""))
    walk("/api/v1/comparisons/?page_size=1")
    for campaign in (judging, pairs):
        ask("GET", f"/campaigns/{campaign.pk}/")
        ask("GET", f"/campaigns/{campaign.pk}/mine/")
    ask("GET", "/")

    assert any(name.startswith("next of /api/v1/assignments/") for name in sent)
    assert any(name.startswith("next of /api/v1/comparisons/") for name in sent)
    found = {
        (name, table)
        for name, text in sent.items()
        for table, start in counted.items()
        for number in re.findall(r"(?<![\w.-])\d{10}(?![\w.-])", text)
        if start < int(number) < start + 10**7
    }
    assert not found


@pytest.fixture
def orders(
    one_draw: np.random.Generator,
    make_campaign: Callable[..., Campaign],
    make_user: Callable[..., Any],
    make_policy: Callable[..., Any],
) -> list[Session]:
    """Longer sessions of which only the ids count: of the assignment, and of the item as a picture may tell it.

    Here too everybody works on items of their own.
    """
    sessions = []
    for n in range(PEOPLE):
        campaign = make_campaign(45, overlap=1)
        make_policy(campaign, gold_every=3)
        make_gold(campaign, 20, one_draw)
        person, ids, gold = make_person(make_user, n), [], []
        for _ in range(20):
            row = lease_next_item(campaign=campaign, annotator=person)
            ids.append([number_of(row.token), float(row.campaign_item.item_id)])
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
        ranks = np.lexsort((rng.random(len(gold)), said)).argsort()  # equals at random
        observed += ranks[gold].sum()
        shuffled += rng.permuted(np.tile(ranks, (len(shuffled), 1)), axis=1)[:, gold].sum(axis=1)
    print("CHANCE", float((1 + (shuffled >= observed).sum()) / (1 + len(shuffled))))
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
    taken: list[uuid.UUID] = []
    for place in range(2):
        make_policy(campaign, gold_every=1 if place == gold_place else 0)
        taken.append(lease_next_item(campaign=campaign, annotator=ann, after=taken[0] if taken else None).token)
    purposes = [Assignment.objects.get(token=token).campaign_item.purpose for token in taken]
    assert purposes.index(Purpose.GOLD) == gold_place
    make_policy(campaign, gold_every=30_000)
    Assignment.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert release_expired_leases() == 2
    again = [lease_next_item(campaign=campaign, annotator=ann).token]
    again.append(lease_next_item(campaign=campaign, annotator=ann, after=again[0]).token)
    assert again == taken


@pytest.mark.parametrize("again", ["take-up", "answer", "next"])
def test_what_was_left_is_taken_up_again_alike_gold_or_not_though_others_have_finished_the_work(
    make_campaign: Callable[..., Campaign],
    make_user: Callable[..., Any],
    make_policy: Callable[..., Any],
    know: Callable[..., Any],
    work_on: Callable[..., Any],
    client: Client,
    again: str,
) -> None:
    """Skipped or run out: whoever comes back is told the same of gold as of work that nobody needs any more."""
    campaign, ann, bo = make_campaign(6, overlap=1), make_user("ann"), make_user("bo")
    know(campaign, 3)
    client.force_login(ann, backend=BACKEND)
    left: list[Assignment] = []
    for gold_every in (1, 0):
        make_policy(campaign, gold_every=gold_every)
        left.append(lease_next_item(campaign=campaign, annotator=ann, after=left[0].token if left else None))
    assert [row.campaign_item.purpose for row in left] == [Purpose.GOLD, Purpose.WORK]
    if again == "take-up":
        for row in left:
            ask(client, "POST", f"/api/v1/assignments/{row.token}/skip/", {"reason": "other"})
    else:
        assert release_expired_leases(now=timezone.now() + timedelta(days=1)) == 2
    while work_on(campaign, bo):
        pass
    assert not campaign.campaign_items.filter(purpose=Purpose.WORK, open_slots__gt=0).exists()
    told = []
    for row in left:
        path, body = {
            "take-up": (f"assignments/{row.token}/take-up/", {}),
            "answer": (
                f"assignments/{row.token}/judgments/",
                {"sub_dimension": "clarity", "level": 2, "key": f"k{row.pk}", "sequence": 1},
            ),
            "next": (f"campaigns/{campaign.pk}/next/", {}),
        }[again]
        client.get(f"/campaigns/assignments/{row.token}/")
        answer, statements = ask(client, "POST", f"/api/v1/{path}", body)
        assert answer.status_code == 200, answer.content
        assert again != "next" or answer.json()["id"] == str(row.token), (
            "what ran out comes first, the oldest before the rest"
        )
        told.append((sorted(answer.json()), statements))
        ask(client, "POST", f"/api/v1/assignments/{row.token}/skip/", {"reason": "other"})
    assert told[0] == told[1]


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
    assert told["id"] == token
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
            submit_assignment(token=assignment.token, annotator=ann)
        asked[assignment.campaign_item.purpose] = [re.sub(r"\d+", "n", q["sql"])[:60] for q in captured]
    assert asked[Purpose.GOLD] == asked[Purpose.WORK]
    assert len(later) == 2


def test_everybody_has_an_order_of_their_own_and_keeps_it(make_campaign, make_user):
    campaign = make_campaign(30)
    added = list(campaign.campaign_items.order_by("pk").values_list("pk", flat=True))
    ann, bo = make_user("ann"), make_user("bo")
    orders = [list(_queue(campaign, person).values_list("pk", flat=True)) for person in (ann, bo, ann)]
    assert orders[0] == orders[2]
    assert orders[0] != orders[1]
    assert added not in orders
    assert sorted(orders[0]) == added
