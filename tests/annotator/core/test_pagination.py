"""Lists of the API, page by page, while things come in and go: each row once, in every order."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotator.accounts.models import ApiToken, Role, User
from annotator.library.filters import ORDERINGS
from annotator.library.models import Item

pytestmark = pytest.mark.django_db


@pytest.fixture
def get(make_user: Callable[..., User]) -> Callable[[str], Any]:
    _row, secret = ApiToken.issue(user=make_user("bot", Role.ADMIN), name="t")
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    return lambda address: client.get(address.replace("http://testserver", ""))


def walk(get: Callable[[str], Any], address: str, between: Callable[[], object] = lambda: None) -> list[Any]:
    rows: list[Any] = []
    while address:
        body = get(address).json()
        rows += [row["id"] for row in body["results"]]
        address = body["next"]
        between()
    return rows


def test_what_comes_in_meanwhile_repeats_no_row_and_hides_none(
    get: Callable[[str], Any], bare_items: Callable[..., list[Item]]
) -> None:
    before = [item.pk for item in bare_items(7)]
    rows = walk(get, "/api/v1/items/?page_size=2", lambda: bare_items(3))
    assert rows == sorted(before, reverse=True)
    there = sorted(Item.objects.values_list("pk", flat=True))
    gone = iter(there)
    rows = walk(get, "/api/v1/items/?page_size=5", lambda: Item.objects.filter(pk=next(gone)).delete())
    assert len(rows) == len(set(rows))
    assert set(rows) >= set(Item.objects.values_list("pk", flat=True))


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_every_order_is_kept_over_pages_with_equals_and_nothings(
    get: Callable[[str], Any], bare_items: Callable[..., list[Item]], ordering: str
) -> None:
    for number, item in enumerate(bare_items(9)):
        Item.objects.filter(pk=item.pk).update(
            size_bytes=number // 4 + 1, duration_ms=None if number % 3 else 1000 + number // 6
        )
    whole = walk(get, f"/api/v1/items/?ordering={ordering}&page_size=100")
    assert len(whole) == 9
    assert walk(get, f"/api/v1/items/?ordering={ordering}&page_size=2") == whole


def test_there_is_a_way_back(get: Callable[[str], Any], bare_items: Callable[..., list[Item]]) -> None:
    bare_items(5)
    first = get("/api/v1/items/?page_size=2").json()
    second = get(first["next"]).json()
    third = get(second["next"]).json()
    assert (first["previous"], third["next"], third["count"]) == (None, None, 5)
    assert get(third["previous"]).json()["results"] == second["results"]
    again = get(second["previous"]).json()
    assert again["results"] == first["results"]
    assert again["previous"] is None
    assert get(again["next"]).json()["results"] == second["results"]


def test_only_the_first_page_counts(get: Callable[[str], Any], bare_items: Callable[..., list[Item]]) -> None:
    bare_items(5)
    address = get("/api/v1/items/?page_size=2").json()["next"]
    with CaptureQueriesContext(connection) as captured:
        get(address)
    assert not [query for query in captured if "COUNT(" in query["sql"]]
    assert not [query for query in captured if "OFFSET" in query["sql"]]


@pytest.mark.parametrize("list_", ["items", "jobs", "scores", "reward-models", "checklists", "generators", "pair-sets"])
@pytest.mark.parametrize("query", ["cursor=x", "cursor=eyJhIjoxfQ:1:x", "page_size=0", "page_size=1001", "page_size=x"])
def test_what_is_no_cursor_or_size_is_refused_in_words(get: Callable[[str], Any], list_: str, query: str) -> None:
    answer = get(f"/api/v1/{list_}/?{query}")
    assert answer.status_code == 400
    assert answer.json()["code"] in ("bad_cursor", "bad_page_size")


def test_a_cursor_is_of_its_list_and_order(get: Callable[[str], Any], bare_items: Callable[..., list[Item]]) -> None:
    bare_items(3)
    cursor = get("/api/v1/items/?page_size=1").json()["next"].split("cursor=")[1].split("&")[0]
    assert get(f"/api/v1/items/?cursor={cursor}&ordering=largest").status_code == 400
    assert get(f"/api/v1/checklists/?cursor={cursor}").status_code == 400
