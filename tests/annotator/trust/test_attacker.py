"""Somebody who wants to know which items are gold looks at all that the platform sends, and learns nothing."""

import json
import re
import uuid

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

from annotator.campaigns.models import Assignment, Purpose
from annotator.campaigns.services import add_items, lease_next_item, submit_assignment
from annotator.campaigns.services.leases import _queue
from annotator.trust import tasks
from annotator.trust.services import set_known_answers
from tests import factories

BACKEND = "django.contrib.auth.backends.ModelBackend"
# With 90 items chance stays below this, and the order of the ids alone used to give 1.0.
CHANCE = 0.8


@pytest.fixture
def crowd(make_campaign, make_user, make_policy, know, client, files):
    """Three people who have been given work and gold of one campaign, and all that was sent to them."""
    prompt = factories.make_prompt("A red kite over the sea")
    items = [factories.make_item(prompt=prompt) for _ in range(50)]
    campaign = make_campaign(0, overlap=3)
    add_items(campaign=campaign, items=items)
    make_policy(campaign, gold_every=3)
    best = list(campaign.campaign_items.order_by("?")[:20])
    for row in best:
        set_known_answers(campaign_item=row, levels={"clarity": 2}, purpose=Purpose.GOLD)
    seen, gold = [], []
    for name in ("ann", "bo", "cy"):
        person = make_user(name)
        client.force_login(person, backend=BACKEND)
        mine = []
        for _ in range(25):
            answer = client.post(f"/api/v1/campaigns/{campaign.pk}/next/", content_type="application/json")
            if answer.status_code != 200:
                break
            told = answer.json()
            page = client.get(f"/campaigns/assignments/{told['id']}/")
            media = client.get(told["media_url"])
            mine.append(features(told, answer, page, media))
            row = Assignment.objects.get(pk=told["id"])
            gold.append(row.campaign_item.purpose == Purpose.GOLD)
            Assignment.objects.filter(pk=row.pk).update(state="submitted")
        table = np.array(mine)
        # Order is where the secret was: what changes from one item to the next is looked at too.
        seen.append(
            np.hstack([table, np.diff(table, axis=0, prepend=table[:1]), np.diff(table, axis=0, append=table[-1:])])
        )
    return np.vstack(seen), np.array(gold)


def features(told, answer, page, media):
    """Numbers made of everything that arrived: ids, sizes, headers, and what the page counts."""
    text = page.content.decode()
    data = json.loads(re.search(r'<script id="workspace-data"[^>]*>(.*?)</script>', text, re.S)[1])
    left = int(re.search(r"<b>(\d+)</b> to do", text)[1])
    return [
        float(told["id"]),
        float(uuid.UUID(told["item"]).int >> 96),
        float(len(answer.content)),
        float(len(re.sub(r'value="[^"]*"', "", text)) - len(str(told["id"]))),
        float(left),
        float(len(data["urls"]["page"])),
        float(media.headers["Content-Length"]),
        float(int(media.headers["ETag"].strip('"')[:12], 16)),
        float(len(media.headers["Content-Disposition"])),
        float(len(media.headers)),
        float(len(page.headers)),
    ]


def test_a_classifier_of_all_that_is_sent_does_no_better_than_chance(crowd):
    table, gold = crowd
    assert 10 <= gold.sum() <= 60, "there is something to find"
    forest = RandomForestClassifier(100, min_samples_leaf=3, random_state=0)
    said = cross_val_predict(forest, table, gold, cv=5, method="predict_proba")[:, 1]
    assert roc_auc_score(gold, said) < CHANCE
    for column in range(table.shape[1]):
        alone = roc_auc_score(gold, table[:, column])
        assert max(alone, 1 - alone) < CHANCE, f"column {column} tells gold from work"


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
