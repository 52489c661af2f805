"""Logs: one JSON object per line, with the request and the person it belongs to, and without secrets."""

import io
import json
import logging
import logging.config
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from annotator.accounts.models import ApiToken, Role, User
from annotator.core.logs import log_context, logging_config


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What is logged, as it is written."""
    config = logging_config("INFO")
    stream = io.StringIO()
    config["handlers"]["stderr"]["stream"] = stream
    before = logging.root.handlers[:], logging.root.level
    logging.config.dictConfig(config)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.config.dictConfig(logging_config("WARNING"))
    logging.root.handlers[:], logging.root.level = before[0], before[1]


def requests(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in found if line["logger"] == "annotator.request"]


@pytest.mark.django_db
def test_a_request_is_one_line_with_its_id_and_person(
    client: Client, make_user: Callable[..., User], lines: Callable[[], list[dict[str, Any]]]
) -> None:
    ann = make_user("ann")
    client.force_login(ann, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.get("/jobs/?secret=1", headers={"X-Request-ID": "from-the-proxy"})
    [line] = requests(lines())
    assert line["message"] == "GET /jobs/ 200"
    assert (line["status"], line["user"], line["request_id"]) == (200, ann.pk, "from-the-proxy")
    assert line["ms"] > 0
    assert line["level"] == "INFO"
    assert answer["X-Request-ID"] == "from-the-proxy"


@pytest.mark.django_db
def test_the_person_behind_a_token_is_known(
    client: Client, make_user: Callable[..., User], lines: Callable[[], list[dict[str, Any]]]
) -> None:
    ann = make_user("ann")
    _row, token = ApiToken.issue(user=ann, name="notebook")
    client.get("/api/v1/jobs/", headers={"Authorization": f"Bearer {token}"})
    [line] = requests(lines())
    assert line["user"] == ann.pk
    assert token not in json.dumps(lines())


@pytest.mark.django_db
def test_a_line_of_any_package_carries_the_request(client: Client, lines: Callable[[], list[dict[str, Any]]]) -> None:
    client.get("/nowhere/", headers={"X-Request-ID": "bad id\nforged"})
    [line] = requests(lines())
    assert len(line["request_id"]) == 32, "an id from outside is taken only where it looks like one"
    with log_context(task="rewards.train", job=None):
        logging.getLogger("somebody.else").info("hello")
    assert lines()[-1] | {"time": ""} == {
        "time": "", "level": "INFO", "logger": "somebody.else", "message": "hello", "task": "rewards.train",
    }  # fmt: skip


@pytest.mark.django_db
def test_an_invitation_in_an_address_stays_secret(client: Client, lines: Callable[[], list[dict[str, Any]]]) -> None:
    client.get("/invitation/the-code-that-lets-people-in/")
    assert "the-code-that-lets-people-in" not in json.dumps(lines())
    assert requests(lines())[0]["message"] == "GET /invitation/<str:code>/ 302"


@pytest.mark.django_db
def test_probes_and_static_files_do_not_fill_the_log(
    client: Client, make_user: Callable[..., User], lines: Callable[[], list[dict[str, Any]]]
) -> None:
    client.get("/healthz")
    assert requests(lines()) == []
    client.force_login(make_user("root", Role.ADMIN), backend="django.contrib.auth.backends.ModelBackend")
    client.get("/jobs/")
    assert len(requests(lines())) == 1


@pytest.mark.django_db
def test_an_error_of_ours_is_logged_with_its_trace(
    client: Client, monkeypatch: pytest.MonkeyPatch, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    from annotator.core import middleware

    monkeypatch.setitem(middleware.PROBES, "/healthz", lambda request: 1 / 0)
    client.raise_request_exception = False
    answer = client.get("/healthz")
    assert answer.status_code == 500
    found = [line for line in lines() if line["level"] == "ERROR"]
    assert "ZeroDivisionError" in found[0]["exc_info"]
    assert found[0]["request_id"] == answer["X-Request-ID"]
