"""How often handing out and saving ask the database: both are done thousands of times a day."""

import uuid

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotator.campaigns.services import lease_next_item

BACKEND = "django.contrib.auth.backends.ModelBackend"
SIGN_IN = 3  # every request reads the session, the person and their roles


def questions(captured: CaptureQueriesContext) -> list[str]:
    """Reads and writes, without the begin, commit and savepoints around them."""
    skip = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")
    return [q["sql"] for q in captured.captured_queries if not q["sql"].startswith(skip)]


def test_a_save_asks_at_most_five_times(make_campaign, make_user, client):
    ann = make_user("ann")
    client.force_login(ann, backend=BACKEND)
    assignment = lease_next_item(campaign=make_campaign(2), annotator=ann)
    address = reverse("campaigns:judge", args=[assignment.token])
    for sequence in (1, 2):  # a first answer, and a change of it
        body = {"sub_dimension": "clarity", "level": sequence, "key": str(uuid.uuid4()), "sequence": sequence}
        with CaptureQueriesContext(connection) as captured:
            answer = client.post(address, {"judgments": [body]}, content_type="application/json")
        assert answer.status_code == 200, answer.content
        assert len(questions(captured)) <= 5 + SIGN_IN, "\n".join(questions(captured))


def test_the_next_item_asks_at_most_eight_times(make_campaign, make_user):
    campaign, ann = make_campaign(4), make_user("ann")
    with CaptureQueriesContext(connection) as captured:
        assert lease_next_item(campaign=campaign, annotator=ann) is not None
    assert len(questions(captured)) <= 8, "\n".join(questions(captured))
