"""What no address can take is refused at the door, in words: from a page, from the API, from a page's script."""

import errno
import io
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse

from annotator.accounts.models import ApiToken, Role, User
from annotator.core import folders
from annotator.core.json_input import DEEPEST, BadJsonError, read_json
from annotator.library.models import ImportBatch

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def admin(client: Client, make_user: Callable[..., User]) -> Client:
    client.force_login(make_user("root", Role.ADMIN), backend=BACKEND)
    return client


@pytest.fixture
def bot(program: Callable[..., Client]) -> Client:
    return program(Role.ADMIN, raise_request_exception=False)


def said(answer: Any) -> str:
    """What the answer says, whatever form it has."""
    if "json" in answer["Content-Type"]:
        body = answer.json()
        return str(body.get("title") or body["message"])
    return str(answer.content.decode())


@pytest.mark.parametrize("address", ["/people/?q=%00", "/library/?q=a%00b", "/api/v1/items/?q=%00", "/x%00/"])
def test_a_nul_in_an_address_is_refused(admin: Client, address: str) -> None:
    answer = admin.get(address)
    assert answer.status_code == 400
    assert "NUL" in said(answer)


def test_a_nul_in_a_cookie_is_refused(client: Client) -> None:
    client.cookies["sessionid"] = "x"
    answer = client.get("/", headers={"Cookie": 'sessionid="a\\000b"'})
    assert answer.status_code == 400


@pytest.mark.parametrize("form", ["urlencoded", "multipart"])
def test_a_nul_in_a_form_is_refused(admin: Client, bot: Client, form: str) -> None:
    for client, address in ((admin, "/people/invite/"), (bot, "/api/v1/imports/")):
        if form == "multipart":
            answer = client.post(address, {"role": "annotator", "note": "a\0b", "name": "a\0b"})
        else:
            answer = client.post(address, "note=a%00b", content_type="application/x-www-form-urlencoded")
        assert answer.status_code == 400
        assert "NUL" in said(answer)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "too_deep"),
        (b"[" * 1_000_000, "too_deep"),
        (b'{"a": NaN}', "malformed"),
        (b'{"a": 1e999}', "bad_number"),
        (b'{"a": "\\u0000"}', "bad_text"),
        (b'{"a": "\\ud800"}', "bad_text"),
        (b'{"\\udfff": 1}', "bad_text"),
        (b'"\xed\xa0\x80"', "malformed"),
        (b"9" * 5000, "malformed"),
        (b"{", "malformed"),
        (b"\xff", "malformed"),
    ],
)
def test_json_that_nothing_can_hold_is_refused_everywhere(admin: Client, bot: Client, body: bytes, code: str) -> None:
    with pytest.raises(BadJsonError) as refused:
        read_json(body)
    assert refused.value.code == code
    for client, address in ((admin, "/people/invite/"), (bot, "/api/v1/prompt-sets/")):
        answer = client.post(address, body, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert said(answer)


@pytest.mark.parametrize(
    "text", ['{"a": ["[[[[[[", "\\\\u0000", "\\ud83d\\ude00", "]"], "b": 1e10}', "[]", '"é"', "[" * 32 + "]" * 32]
)
def test_what_only_looks_bad_is_taken(text: str) -> None:
    assert read_json(text) == json.loads(text)


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "text/plain"])
def test_a_body_that_is_too_large_is_refused(admin: Client, bot: Client, settings: Any, kind: str) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2**20
    body = json.dumps("x" * 2**21)
    for client, address in (
        (admin, f"/campaigns/assignments/{uuid4()}/judgments/"),
        (bot, "/api/v1/prompt-sets/"),
    ):
        answer = client.post(address, body, content_type=kind)
        if (client, kind) == (bot, "text/plain"):  # the API does not even read it
            assert answer.status_code == 415
        else:
            assert answer.status_code in (404, 413) if kind == "text/plain" else answer.status_code == 413
    assert "limit is 1 MB" in said(bot.post("/api/v1/prompt-sets/", body, content_type="application/json"))


def test_fields_without_end_are_refused(admin: Client, bot: Client) -> None:
    fields = {f"f{number}": "" for number in range(1100)}
    for client, address in ((admin, "/people/invite/"), (bot, "/api/v1/imports/")):
        answer = client.post(address, fields)
        assert answer.status_code == 413
        assert "too many fields" in said(answer)


def test_a_body_in_chunks_is_refused_and_not_taken_for_empty(bot: Client) -> None:
    answer = bot.generic("POST", "/api/v1/prompt-sets/", b"", headers={"Transfer-Encoding": "chunked"})
    assert answer.status_code == 411


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("address", ["/api/v1/campaigns", "/people/invite", "/api/v1/prompt-sets/1"])
def test_without_the_last_slash_nothing_is_done_and_nothing_is_read(
    admin: Client, bot: Client, method: str, address: str
) -> None:
    client = bot if address.startswith("/api/") else admin
    answer = getattr(client, method)(address, {"name": "x"}, content_type="application/json", follow=True)
    assert answer.status_code == 404
    assert not answer.redirect_chain
    assert f"{address}/" in said(answer)
    assert client.get("/library").status_code == 301  # a look is sent on, as ever


def test_nothing_that_writes_is_turned_into_a_look_on_its_way_to_https(settings: Any, make_user: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    client = Client()
    assert client.get("/").status_code == 301
    answer = client.post("/api/v1/campaigns/", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "no_https")


def test_a_method_that_an_address_does_not_take_is_reported_in_words(admin: Client) -> None:
    answer = admin.get("/people/invite/")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert "Allowed: POST" in said(answer)


@pytest.mark.parametrize(
    ("address", "known"),
    [
        ("/api/v1/items/?genrator=x", "generator"),
        ("/api/v1/items/?page=2", "cursor"),
        ("/api/v1/scores/?item__gt=1", "promoted"),
        ("/api/v1/agreement/?modle=1", "model"),
        ("/api/v1/jobs/?status=running", "state"),
        ("/api/v1/campaigns/1/?state=open", "none"),
    ],
)
def test_a_query_name_that_an_address_does_not_know_is_refused_with_those_it_knows(
    bot: Client, address: str, known: str
) -> None:
    answer = bot.get(address)
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_query")
    assert known in answer.json()["title"]


def full(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("where", ["temporary", "kept", "database"])
@pytest.mark.parametrize("who", ["page", "api"])
def test_an_upload_at_a_full_disk_is_answered_in_words_and_leaves_nothing(
    admin: Client, bot: Client, files: Path, settings: Any, monkeypatch: pytest.MonkeyPatch, where: str, who: str
) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0  # every file goes to the disk first, as large ones do
    if where == "temporary":
        from django.core.files.uploadhandler import TemporaryFileUploadHandler

        monkeypatch.setattr(TemporaryFileUploadHandler, "receive_data_chunk", full)
    elif where == "kept":
        real = Path.open

        def opened(path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
            return full() if "archive" in path.name and "w" in mode and not real(path, mode).close() else real(
                path, mode, *rest, **more)  # fmt: skip

        monkeypatch.setattr(Path, "open", opened)
    else:
        import psycopg
        from django.db import OperationalError

        def no_room(*_: Any, **__: Any) -> Any:
            raise OperationalError("could not extend file") from psycopg.errors.DiskFull("could not extend file")

        monkeypatch.setattr(ImportBatch, "save", no_room)
    upload = io.BytesIO(b"PK\x05\x06" + b"\0" * 18)
    upload.name = "kites.zip"
    client, address = (admin, reverse("library:import")) if who == "page" else (bot, "/api/v1/imports/")
    client.raise_request_exception = False
    answer = client.post(address, {"upload": upload})
    assert answer.status_code == 507
    assert "server’s disk is full" in said(answer)
    assert not ImportBatch.objects.exists()
    left = [path for path in folders.imports_folder().rglob("*") if path.is_file()] if files.is_dir() else []
    assert not left


@pytest.mark.django_db(transaction=True)
def test_the_description_of_the_api_can_be_asked_for_by_many_at_once(make_user: Callable[..., User]) -> None:
    from annotator.core import api_schema

    api_schema._made.clear()
    _row, secret = ApiToken.issue(user=make_user("bot", Role.ADMIN), name="t")
    answers: list[tuple[int, int]] = []

    def ask() -> None:
        client = Client(headers={"Authorization": f"Bearer {secret}"}, raise_request_exception=False)
        answer = client.get("/api/schema/?format=json")
        answers.append((answer.status_code, len(answer.content)))
        connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert len(set(answers)) == 1
    assert answers[0][0] == 200
