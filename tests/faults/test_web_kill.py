"""``kill -9`` of the web server in the middle of annotating: what was answered as saved is there afterwards.

A real gunicorn on the test's own database. Annotators send judgments as fast as they are answered, as the page does:
each act has a key of its own, and is sent again with the same key until it is answered. The server is killed under
them, more than once.
"""

import json
import random
import threading
import time
import uuid
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse

from annotator.accounts.models import User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, Judgment, JudgmentChange
from annotator.campaigns.services import create_campaign, judgments, lease_next_item
from tests.factories import built_in_checklist, make_item
from tests.web_server import WebServer

ANNOTATORS, KILLS, ANSWERS_BEFORE_A_KILL = 4, 2, 40


class Annotator(threading.Thread):
    """One person answering the ladders of one item again and again, and remembering what was answered as saved."""

    def __init__(self, url: str, user: User, assignment: Assignment, ladders: list[tuple[str, list[int]]]) -> None:
        super().__init__(daemon=True)
        self.assignment, self.ladders = assignment, ladders
        self.address = url + reverse("campaigns:judge", args=[assignment.token])
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        self.cookies = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
        self.random = random.Random(assignment.pk)
        self.saved: dict[str, tuple[int, int]] = {}  # of each ladder: the last act answered as saved, and its level
        self.keys: list[str] = []
        self.sent_again = 0
        self.enough = threading.Event()
        self.wrong: str = ""

    def run(self) -> None:
        sequence = 0
        while not self.enough.is_set() and not self.wrong:
            sequence += 1
            sub, levels = self.random.choice(self.ladders)
            level, key = self.random.choice(levels), uuid.uuid4().hex
            act = {"sub_dimension": sub, "level": level, "milliseconds": 5, "key": key, "sequence": sequence}
            if self.answered(act):
                self.saved[sub] = (sequence, level)
                self.keys.append(key)

    def answered(self, act: dict[str, object]) -> bool:
        """Send until it is answered, with the same key: an answer may be lost after the saving."""
        token = "x" * 32
        headers = {"Cookie": f"{self.cookies}; csrftoken={token}", "X-CSRFToken": token,
                   "Content-Type": "application/json"}  # fmt: skip
        while True:
            try:
                with urlopen(
                    Request(self.address, json.dumps({"judgments": [act]}).encode(), headers), timeout=60
                ) as response:
                    return bool(json.load(response)["results"][0]["levels"])
            except HTTPError as error:
                self.wrong = f"{error.code}: {error.read().decode(errors='replace')[:300]}"
                return False
            except (URLError, OSError, HTTPException, ValueError):  # killed: not reached, cut off, or half an answer
                if self.enough.is_set():
                    return False
                self.sent_again += 1
                time.sleep(0.05)


@pytest.mark.timeout(900)
def test_no_judgment_that_was_answered_as_saved_is_missing(
    process_env: dict[str, str], make_user: Callable[..., User], tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    version = built_in_checklist("image")
    campaign = create_campaign(
        name="Under fire", checklist_version=version, items=[make_item()], overlap=ANNOTATORS, state="open"
    )
    # Ladders that hang on no other: the truth of each is its own last act.
    free = [sub for sub in checklist_of(version).ordinal if not sub.masked_by_other]
    ladders = [(sub.id, [level.score for level in sub.levels]) for sub in free]
    server = WebServer({**process_env, "DATABASE_POOL": "true"}, tmp_path / "web.log").wait()
    people = []
    for number in range(ANNOTATORS):
        user = make_user(f"ann{number}")
        assignment = lease_next_item(campaign=campaign, annotator=user)
        assert assignment
        people.append(Annotator(server.url, user, assignment, ladders))
    for person in people:
        person.start()
    try:
        for kill in range(1, KILLS + 1):
            wait_until(
                lambda kill=kill: all(len(p.keys) >= kill * ANSWERS_BEFORE_A_KILL or p.wrong for p in people),
                "the annotators do not get on", 300,
            )  # fmt: skip
            server.kill()
            wait_until(lambda kill=kill: all(p.sent_again >= kill or p.wrong for p in people), "nobody noticed", 60)
            server = WebServer({**process_env, "DATABASE_POOL": "true"}, tmp_path / "web.log", server.port).wait()
        wait_until(
            lambda: all(len(p.keys) >= (KILLS + 1) * ANSWERS_BEFORE_A_KILL or p.wrong for p in people),
            "the annotators do not get on after the kill", 300,
        )  # fmt: skip
    finally:
        for person in people:
            person.enough.set()
        for person in people:
            person.join(120)
        server.kill()

    assert [person.wrong for person in people] == [""] * ANNOTATORS
    for person in people:
        standing = dict(Judgment.objects.filter(assignment=person.assignment).values_list("sub_dimension", "level"))
        changes = JudgmentChange.objects.filter(assignment=person.assignment)
        for sub, (sequence, level) in person.saved.items():
            # A later act may have been saved without its answer having arrived; an earlier one may not stand.
            newest = changes.filter(sub_dimension=sub).order_by("-sequence").first()
            assert newest
            assert newest.sequence >= sequence
            assert standing[sub] == newest.level
            if newest.sequence == sequence:
                assert standing[sub] == level
        acts = [judgments.stored_key(key) for key in person.keys]
        kept = list(changes.filter(idempotency_key__in=acts).values_list("idempotency_key", flat=True))
        assert sorted(kept) == sorted(acts), "each act has its effect, and has it once"
    connection.close()
