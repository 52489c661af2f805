"""Whatever is sent to a page, the answer is no error of ours: every address of the URL configuration is tried.

Each page is asked once to learn which fields it reads and which values its own form has; then one or two of them are
replaced by what people, programs and attackers send.
"""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signals import got_request_exception
from django.db import transaction
from django.http import QueryDict
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from annotator.accounts.models import Invitation, User
from annotator.campaigns.models import CampaignItem
from annotator.mpo.models import MpoRun
from tests.annotator.test_api_generated import root, there  # noqa: F401 - fixtures

# ruff: noqa: F811 - a test names the fixtures that it takes

pytestmark = pytest.mark.django_db

EXAMPLES = 4  # of each address; the first of them is always the plainest. More when something is hunted for
PARTS = 4
NASTY = [
    "", " ", "-1", "0", "1", "2", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "9" * 40,
    "9" * 5000, "1.5", "1e400", "-1e400", "NaN", "Infinity", "-Infinity", "²", "٣", "true", "null", "[]", "{}",
    "[" * 3000, '{"a":' * 3000, '{"a": "\\ud800"}', '{"a": "\\u0000"}', "a\0b", "\ud800", "\u2028", "﷽" * 50,
    "a" * 70_000, "../../etc/passwd", "';--", "<script>", "2026-02-31", "0001-01-01", "10000-01-01", "%00", "é",
    "https://[", "//evil.example", "prompt_set:99999999999999999999", "generation_set:x",
]  # fmt: skip
BODIES = [
    b"", b"null", b"[]", b"{", b'"\\ud800"', b"[" * 100_000, b'{"a":' * 20_000, b"NaN", b"1e999", b"9" * 5000,
    b'{"level": Infinity, "key": "k", "sequence": 1, "sub_dimension": "clarity"}',
    b'{"level": 9223372036854775808, "key": "k", "sequence": 1, "sub_dimension": "clarity"}',
    b'{"level": 1, "key": "k", "sequence": 9223372036854775808, "sub_dimension": "clarity"}',
    b'{"level": 1, "key": "k", "sequence": -1, "sub_dimension": "clarity"}',
    b'{"level": 1e400, "key": ["k"], "sequence": {}, "sub_dimension": null}',
    b'{"level": 1, "key": "a\\u0000", "sequence": 1, "sub_dimension": "clarity"}',
    b'{"level": 1, "key": "\\ud800", "sequence": 1, "sub_dimension": "clarity"}',
    b'{"level": 1, "key": "k", "sequence": 1, "sub_dimension": "\xed\xa0\x80"}', b"\xff\xfe\x00",
]  # fmt: skip
BODIES += [b'{"judgments": ' + body + b"}" for body in BODIES] + [b'{"judgments": [' + body + b"]}" for body in BODIES]

# Where the pages of a folder find what is there, by the beginning of their address.
PLACES = {
    "campaigns/assignments/": "assignments", "campaigns/comparisons/": "comparisons",
    "campaigns/media/": "assignments", "campaigns/checklists/": "checklists", "campaigns/flags/": "flags",
    "campaigns/": "campaigns",
    "library/items/": "items", "library/imports/": "imports", "library/": "items", "jobs/": "jobs",
    "trust/campaigns/": "campaigns", "trust/items/": "row", "rewards/policies/": "retraining-policies",
    "rewards/bases/": "base-models", "rewards/": "reward-models", "mpo/prompt-sets/": "prompt-sets",
    "mpo/generations/": "generation-sets", "mpo/runs/": "mpo-runs", "mpo/comparisons/": "model-comparisons",
    "mpo/pair-sets/": "pair-sets", "mpo/pairs/": "pairs", "mpo/": "pair-sets", "datasets/": "campaigns",
    "people/invitations/": "invitations", "people/": "people",
}  # fmt: skip
WORDS = {"sub_dimension": "clarity", "level": "1", "code": "x", "uidb36": "1", "key": "x-y", "name": "manifest.json"}
PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")


def pages(patterns: Any, before: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = before + str(pattern.pattern).removeprefix("^").replace("\\Z", "").removesuffix("$")
        if isinstance(pattern, URLResolver):
            if not route.startswith(("admin/", "api/")):
                yield from pages(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


def address(route: str, known: dict[str, object]) -> str:
    route = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<str:\1>", route)
    place = next((place for place in PLACES if route.startswith(place)), "")

    def value(found: re.Match[str]) -> str:
        kind, name = found[1] or "str", found[2]
        if kind in ("int", "uuid") and name in ("pk", "token"):
            return str(known.get(PLACES.get(place, ""), 1))
        return WORDS.get(name, "1" if kind == "int" else "x")

    return "/" + PARAMETER.sub(value, route)


class Reading(HTMLParser):
    """The fields of a page's forms, with the values that they have."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "select":
            self.select = name
        elif tag == "option" and self.select and given.get("value") and (
            self.select not in self.fields or "selected" in given
        ):  # fmt: skip
            self.fields[self.select] = given["value"] or ""
        elif tag in ("input", "textarea", "button") and name:
            chosen = given.get("type") not in ("radio", "checkbox") or "checked" in given
            if chosen or name not in self.fields:
                self.fields[name] = given.get("value") or "1"

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self.select = ""


@pytest.fixture
def asked_names(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names that are read from any query or form, as they are read."""
    names: set[str] = set()
    for method in ("get", "getlist", "__getitem__", "__contains__"):
        real = getattr(QueryDict, method)

        def reading(self: QueryDict, key: Any, *rest: Any, _real: Any = real, **more: Any) -> Any:
            if isinstance(key, str):
                names.add(key)
            return _real(self, key, *rest, **more)

        monkeypatch.setattr(QueryDict, method, reading)
    return names


@pytest.fixture
def mistakes() -> Iterator[list[BaseException]]:
    """What was raised in views and not answered in words."""
    import sys

    found: list[BaseException] = []

    def note(**_: Any) -> None:
        found.append(sys.exc_info()[1])  # type: ignore[arg-type]

    got_request_exception.connect(note)
    yield found
    got_request_exception.disconnect(note)


class Undo(Exception):  # noqa: N818 - it is no error
    """Ends what one address was asked, without a trace."""


@pytest.mark.parametrize("part", range(PARTS))
def test_no_page_breaks_whatever_it_is_sent(
    root: User, there: dict[str, Any], asked_names: set[str], mistakes: list[BaseException], part: int
) -> None:
    there["people"] = root.pk
    MpoRun.objects.update(settings={"steps": 100})
    there["row"] = CampaignItem.objects.filter(campaign=there["campaigns"]).first().pk  # type: ignore[union-attr]
    there["invitations"] = Invitation.objects.create(
        code_hash="x", invited_by=root, expires_at="2100-01-01T00:00:00Z"
    ).pk  # fmt: skip
    routes = sorted(set(pages(get_resolver().url_patterns)))
    assert len(routes) > 100
    problems: list[str] = []
    written = 0
    for route in routes[part::PARTS]:
        client = Client(raise_request_exception=False)
        client.force_login(root, backend="django.contrib.auth.backends.ModelBackend")
        where = address(route, there)
        try:
            with transaction.atomic():
                written += ask(client, where, asked_names, mistakes, problems)
                raise Undo
        except Undo:
            pass
    assert not problems, "\n".join(problems)
    assert written > 60 // PARTS  # addresses that take a POST


def ask(client: Client, where: str, names: set[str], mistakes: list[BaseException], problems: list[str]) -> bool:
    """All that one address is asked; returns whether it takes what is posted."""

    def tried(what: str, send: Any) -> Any:
        mistakes.clear()
        answer = None
        try:
            with transaction.atomic():
                answer = send()
                raise Undo
        except Undo:
            pass
        if answer.status_code >= 500:
            why = f"{type(mistakes[-1]).__name__}: {mistakes[-1]}" if mistakes else answer.content[:200]
            problems.append(f"{where} {what[:300]}: {answer.status_code} {str(why)[:300]}")
        return answer

    names.clear()
    page = tried("GET", lambda: client.get(where))
    read_by_get = sorted(names)
    reading = Reading()
    if page.get("Content-Type", "").startswith("text/html"):
        reading.feed(page.content.decode())
    names.clear()
    bare = tried("POST", lambda: client.post(where))
    fields = {name: reading.fields.get(name, "1") for name in sorted(names | reading.fields.keys()) if name}
    takes = bare.status_code != 405

    @given(data=st.data())
    @settings(max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    def fuzz(data: Any) -> None:
        value = st.sampled_from(NASTY) | st.text(max_size=20)
        if read_by_get:
            query = {name: data.draw(value) for name in read_by_get if data.draw(st.booleans())}
            tried(f"GET {query}", lambda: client.get(where, {k: _sendable(v) for k, v in query.items()}))
        if takes and fields:
            wrong = data.draw(st.lists(st.sampled_from(sorted(fields)), min_size=1, max_size=2))
            body = fields | {name: data.draw(value) for name in wrong}
            sent = {k: _sendable(v) for k, v in body.items()}
            changed = {name: body[name][:60] for name in wrong}
            tried(f"POST {changed}", lambda: client.post(where, sent))
            form = "&".join(f"{k}={v}" for k, v in sent.items() if isinstance(v, str))
            tried(f"POST form {changed}", lambda: client.post(
                where, form.encode("utf-8"), content_type="application/x-www-form-urlencoded"))  # fmt: skip
            if data.draw(st.booleans()):
                odd = SimpleUploadedFile("a.zip", data.draw(st.binary(max_size=20)))
                files = {name: odd for name in fields if data.draw(st.booleans())}
                tried(f"POST files {sorted(files)}", lambda: client.post(where, sent | files))

    fuzz()
    if takes:
        reads_json = "judgments" in where or "submit" in where
        for body in BODIES if reads_json else BODIES[5:6]:
            tried(f"JSON {body[:80]!r}", lambda body=body: client.post(where, body, content_type="application/json"))
            if reads_json:
                tried(f"text {body[:80]!r}", lambda body=body: client.post(where, body, content_type="text/plain"))
    return takes


def _sendable(value: str) -> str:
    """A lone surrogate cannot be sent in a form; what a client makes of it can."""
    return value.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("body", BODIES)
def test_the_api_refuses_the_same_in_words(client: Client, root: User, there: dict[str, Any], body: bytes) -> None:
    client.force_login(root, backend="django.contrib.auth.backends.ModelBackend")
    page = client.post(
        f"/campaigns/assignments/{there['assignments']}/judgments/", body, content_type="application/json"
    )
    api = client.post(f"/api/v1/assignments/{there['assignments']}/judgments/", body, content_type="application/json")
    assert (page.status_code, api.status_code) == (400, 400)
    assert json.loads(page.content)["message"]
    assert json.loads(api.content)["title"]
