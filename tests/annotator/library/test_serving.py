"""Media over HTTP: who gets it, whole and in part, and what is said when it cannot be given."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db.models import Q
from django.test import Client
from django.urls import reverse

from annotator.accounts.models import ApiToken, Role, User
from annotator.library import access, storage
from annotator.library.models import Item, MediaType
from tests.factories import make_item

pytestmark = pytest.mark.django_db


@pytest.fixture
def item(db: None, files: Path) -> Item:
    return make_item(file_name='../../"sdxl"\r\nX-Bad: 1.png')


@pytest.fixture
def data(item: Item) -> bytes:
    return storage.original_path(item).read_bytes()


@pytest.fixture
def reviewer(make_user: Callable[..., User], client: Client) -> Client:
    client.force_login(make_user("rita", Role.REVIEWER), backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def only_first(item: Item) -> Iterator[None]:
    """A rule as the campaigns make one: ann may see this item."""

    def rule(user: User) -> Q:
        return Q(pk=item.pk) if user.username == "ann" else Q(pk__in=[])

    access.register(rule)
    yield
    access.unregister(rule)


def test_a_rule_that_says_nothing_opens_nothing(
    item: Item, make_user: Callable[..., User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty Q stands for everything where a filter reads it, and for nothing here."""
    another, ann = make_item(), make_user("ann")
    monkeypatch.setattr(access, "_rules", [lambda user: Q()])
    assert not access.visible_items(ann).exists()
    monkeypatch.setattr(access, "_rules", [lambda user: Q(), lambda user: Q(pk=another.pk), lambda user: Q()])
    assert list(access.visible_items(ann)) == [another]


def url(item: Item, kind: str = "media") -> str:
    return reverse(f"library:{kind}", args=[item.pk])


def body(response: object) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]


def test_the_whole_file_comes_with_its_verified_type(reviewer: Client, item: Item, data: bytes) -> None:
    response = reviewer.get(url(item))
    assert response.status_code == 200
    assert body(response) == data
    assert response["Content-Type"] == "image/png"
    assert response["Content-Length"] == str(len(data))
    assert response["Accept-Ranges"] == "bytes"
    assert response["ETag"] == f'"{item.sha256}"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"].startswith("private,")
    assert "immutable" in response["Cache-Control"]
    assert "script-src 'self'" in response["Content-Security-Policy"]


def test_the_name_given_tells_neither_the_imported_name_nor_the_generator(reviewer: Client, item: Item) -> None:
    response = reviewer.get(url(item))
    assert response["Content-Disposition"] == f'inline; filename="item-{item.pk}.png"'
    assert "X-Bad" not in response


def test_a_video_comes_as_video_and_its_thumbnail_as_picture(reviewer: Client, files: Path) -> None:
    clip = make_item(MediaType.VIDEO)
    assert reviewer.get(url(clip))["Content-Type"] == "video/mp4"
    small = reviewer.get(url(clip, "thumbnail"))
    assert small["Content-Type"] == "image/webp"
    assert body(small) == storage.thumbnail_path(clip).read_bytes()
    assert small["ETag"] != reviewer.get(url(clip))["ETag"]


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-9", 0, 10),
        ("bytes=10-19", 10, 20),
        ("bytes=100-", 100, None),
        ("bytes=-7", -7, None),
        ("bytes=5-99999999", 5, None),
        ("bytes=-99999999", 0, None),
        ("BYTES = 3-4 ", 3, 5),
    ],
)
def test_one_range(reviewer: Client, item: Item, data: bytes, asked: str, start: int, end: int | None) -> None:
    expected = data[start:end]
    first = start if start >= 0 else len(data) + start
    response = reviewer.get(url(item), headers={"Range": asked})
    assert response.status_code == 206
    assert body(response) == expected
    assert response["Content-Range"] == f"bytes {first}-{first + len(expected) - 1}/{len(data)}"
    assert response["Content-Length"] == str(len(expected))
    assert response["ETag"] == f'"{item.sha256}"'


def test_the_last_byte_may_be_asked_for_and_the_one_behind_it_not(reviewer: Client, item: Item, data: bytes) -> None:
    assert body(reviewer.get(url(item), headers={"Range": f"bytes={len(data) - 1}-"})) == data[-1:]
    assert reviewer.get(url(item), headers={"Range": f"bytes={len(data)}-"}).status_code == 416


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=99999999-100000000", "bytes=-0"])
def test_a_range_behind_the_end_is_refused_with_the_size(reviewer: Client, item: Item, data: bytes, asked: str) -> None:
    response = reviewer.get(url(item), headers={"Range": asked})
    assert response.status_code == 416
    assert response["Content-Range"] == f"bytes */{len(data)}"
    assert str(len(data)) in response.content.decode()


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=9-3",
        "bytes=-",
        "bytes=a-b",
        "items=0-5",
        "bytes",
        "bytes=0-1,5-6",
        "bytes=٣-٤",
        "bytes=" + "9" * 5000 + "-",
    ],
)
def test_a_range_that_makes_no_sense_gives_the_whole_file(
    reviewer: Client, item: Item, data: bytes, asked: str
) -> None:
    response = reviewer.get(url(item), HTTP_RANGE=asked)
    assert response.status_code == 200
    assert body(response) == data
    assert "Content-Range" not in response


def test_a_range_tied_to_this_file_is_given_and_to_another_state_is_not(
    reviewer: Client, item: Item, data: bytes
) -> None:
    tied = {"Range": "bytes=0-4", "If-Range": f'"{item.sha256}"'}
    assert reviewer.get(url(item), headers=tied).status_code == 206
    for other in ('"other"', f'W/"{item.sha256}"', "Wed, 21 Oct 2015 07:28:00 GMT"):
        response = reviewer.get(url(item), headers={**tied, "If-Range": other})
        assert response.status_code == 200
        assert body(response) == data


def test_head_tells_all_and_sends_nothing(reviewer: Client, item: Item, data: bytes) -> None:
    whole = reviewer.head(url(item))
    assert (whole.status_code, whole["Content-Length"], whole.content) == (200, str(len(data)), b"")
    part = reviewer.head(url(item), headers={"Range": "bytes=2-4"})
    assert (part.status_code, part["Content-Length"], part["Content-Range"]) == (206, "3", f"bytes 2-4/{len(data)}")


@pytest.mark.parametrize("kind", ["media", "thumbnail"])
def test_what_the_browser_has_already_is_not_sent_again(reviewer: Client, item: Item, kind: str) -> None:
    etag = reviewer.get(url(item, kind))["ETag"]
    for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        response = reviewer.get(url(item, kind), headers={"If-None-Match": known, "Range": "bytes=0-1"})
        assert (response.status_code, response.content, response["ETag"]) == (304, b"", etag)
    assert reviewer.get(url(item, kind), headers={"If-None-Match": '"x"'}).status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_media_is_only_read(reviewer: Client, item: Item, method: str) -> None:
    assert getattr(reviewer, method)(url(item)).status_code == 405


@pytest.mark.parametrize("kind", ["media", "thumbnail"])
@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.ADMIN, 200), (Role.REVIEWER, 200), (Role.ANNOTATOR, 404), (None, 404), ("anonymous", 404)],
)
def test_who_gets_media_without_a_rule(
    client: Client, make_user: Callable[..., User], item: Item, kind: str, role: str | None, status: int
) -> None:
    if role != "anonymous":
        client.force_login(make_user("someone", role), backend="django.contrib.auth.backends.ModelBackend")
    response = client.get(url(item, kind))
    assert response.status_code == status
    if status == 404:
        unknown = client.get(reverse(f"library:{kind}", args=[987654321]))
        # But for its token, and for the address that was asked for, the page is the same.
        same = [
            re.sub(rb"\b[A-Za-z0-9]{64}\b", b"TOKEN", page.content).replace(page.request["PATH_INFO"].encode(), b"PATH")
            for page in (response, unknown)
        ]
        assert same[0] == same[1], "the answer tells that the item exists"
        assert "ETag" not in response


def test_a_registered_rule_opens_the_one_item_to_the_one_person(
    client: Client, make_user: Callable[..., User], item: Item, only_first: None
) -> None:
    other = make_item()
    ann, bob = make_user("ann"), make_user("bob")
    client.force_login(ann, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(url(item)).status_code == 200
    assert client.get(url(other)).status_code == 404
    client.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(url(item)).status_code == 404
    assert access.visible_items(ann).filter(pk=item.pk).exists()
    assert not access.visible_items(bob).filter(pk=item.pk).exists()
    assert not access.visible_items(ann).filter(pk=other.pk).exists()


def test_somebody_who_was_shut_out_sees_nothing(make_user: Callable[..., User], item: Item) -> None:
    gone = make_user("root", Role.ADMIN, is_active=False)
    assert not access.visible_items(gone).filter(pk=item.pk).exists()


def test_a_program_gets_media_with_its_owners_token(client: Client, make_user: Callable[..., User], item: Item) -> None:
    _row, token = ApiToken.issue(user=make_user("rita", Role.REVIEWER), name="notebook")
    assert client.get(url(item), headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert client.get(url(item), headers={"Authorization": "Bearer wrong"}).status_code == 404
    _row, weak = ApiToken.issue(user=make_user("ann"), name="notebook")
    assert client.get(url(item), headers={"Authorization": f"Bearer {weak}"}).status_code == 404


def test_a_missing_file_is_said_and_logged(reviewer: Client, item: Item, caplog: pytest.LogCaptureFixture) -> None:
    storage.original_path(item).unlink()
    response = reviewer.get(url(item))
    assert response.status_code == 404
    assert f"The file of item {item.pk} is missing on the server" in response.content.decode()
    assert any(record.levelname == "ERROR" and record.item == item.pk for record in caplog.records)
    assert reviewer.get(url(item, "thumbnail")).status_code == 200


def test_a_proxy_in_front_is_informed_where_the_file_lies(reviewer: Client, item: Item, settings: object) -> None:
    settings.MEDIA_ACCEL_PREFIX = "/protected/"  # type: ignore[attr-defined]
    response = reviewer.get(url(item), headers={"Range": "bytes=0-3"})
    digest = item.sha256
    assert response.status_code == 200
    assert response["X-Accel-Redirect"] == f"/protected/originals/{digest[:2]}/{digest[2:4]}/{digest}.png"
    assert response.content == b""
    assert response["Content-Type"] == "image/png"
    assert response["X-Content-Type-Options"] == "nosniff"


def test_the_proxy_gets_nothing_for_others(
    client: Client, make_user: Callable[..., User], item: Item, settings: object
) -> None:
    settings.MEDIA_ACCEL_PREFIX = "/protected"  # type: ignore[attr-defined]
    client.force_login(make_user("ann"), backend="django.contrib.auth.backends.ModelBackend")
    response = client.get(url(item))
    assert response.status_code == 404
    assert "X-Accel-Redirect" not in response


def test_one_picture_costs_few_queries(
    reviewer: Client, item: Item, django_assert_max_num_queries: Callable[..., object]
) -> None:
    with django_assert_max_num_queries(4):  # session, person, roles, item
        reviewer.get(url(item, "thumbnail"))


def test_a_large_file_is_sent_in_blocks_and_closed(reviewer: Client, item: Item) -> None:
    path = storage.original_path(item)
    with path.open("r+b") as file:
        file.truncate(3 * 1024 * 1024)
    response = reviewer.get(url(item), headers={"Range": "bytes=1000000-2999999"})
    blocks = list(response.streaming_content)
    assert sum(map(len, blocks)) == 2_000_000
    assert max(map(len, blocks)) <= 256 * 1024
    whole = reviewer.get(url(item))
    assert max(len(block) for block in whole.streaming_content) <= 256 * 1024
    response.close()
    whole.close()
    assert whole.file_to_stream is None or whole.file_to_stream.closed
