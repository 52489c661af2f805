"""The library for programs."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from annotator.accounts.models import Role
from annotator.core.errors import ProblemError
from annotator.library import services
from annotator.library.models import ImportBatch, ImportProblem, Item, MediaType
from tests.factories import make_generator, make_item, make_prompt

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair(files: Path) -> tuple[Item, Item]:
    prompt = make_prompt("A red kite")
    picture = make_item(prompt=prompt, generator=make_generator("painter", "1", {"steps": 3}), license="CC0")
    return picture, make_item(MediaType.VIDEO, prompt=prompt, generator=make_generator("mover"))


def zip_file(name: str = "may.zip") -> SimpleUploadedFile:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("a.png", b"x")
    return SimpleUploadedFile(name, content.getvalue(), "application/zip")


@pytest.mark.parametrize("path", ["items/", "prompts/", "generators/", "imports/"])
@pytest.mark.parametrize(("role", "status"), [("admin", 200), ("reviewer", 200), ("annotator", 403), (None, 403)])
def test_who_may_read(program: Callable, path: str, role: str | None, status: int) -> None:
    assert program(role).get(f"/api/v1/{path}").status_code == status


@pytest.mark.parametrize("path", ["items/", "items/1/", "prompts/", "generators/", "imports/", "imports/1/problems/"])
def test_without_a_token_nothing_is_revealed(client: Client, path: str) -> None:
    response = client.get(f"/api/v1/{path}")
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(("role", "status"), [("reviewer", 403), ("annotator", 403), (None, 403)])
def test_only_an_admin_imports(program: Callable, role: str | None, status: int) -> None:
    assert program(role).post("/api/v1/imports/", {"upload": zip_file()}).status_code == status
    assert not ImportBatch.objects.exists()


def test_an_item_leads_to_its_media(program: Callable, pair: tuple[Item, Item]) -> None:
    client = program(Role.REVIEWER)
    found = client.get(f"/api/v1/items/{pair[0].pk}/").json()
    assert found["prompt"] == {"id": pair[0].prompt_id, "text": "A red kite"}
    assert found["generator"]["parameters"] == {"steps": 3}
    assert found["sha256"] == pair[0].sha256
    assert found["media_url"].startswith("http://testserver/")
    media = client.get(found["media_url"].removeprefix("http://testserver"))
    assert media["Content-Type"] == "image/png"
    assert media["ETag"] == f'"{pair[0].sha256}"'
    assert client.get(found["thumbnail_url"].removeprefix("http://testserver"))["Content-Type"] == "image/webp"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [1, 0]),
        ("media_type=video", [1]),
        ("generator=painter", [0]),
        ("q=KITE&license=CC0", [0]),
        ("ordering=oldest", [0, 1]),
        ("q=zebra", []),
    ],
)
def test_items_are_filtered(program: Callable, pair: tuple[Item, Item], query: str, expected: list[int]) -> None:
    found = program(Role.REVIEWER).get(f"/api/v1/items/?{query}").json()
    assert [row["id"] for row in found["results"]] == [pair[index].pk for index in expected]
    assert found["count"] == len(expected)


def test_a_filter_that_does_not_fit_is_refused(program: Callable) -> None:
    response = program(Role.REVIEWER).get("/api/v1/items/?media_type=sculpture")
    assert response.status_code == 400
    assert "media_type" in response.json()["errors"]


def test_a_list_of_items_costs_as_many_queries_as_one(
    program: Callable, files: Path, django_assert_max_num_queries: Callable
) -> None:
    for _ in range(5):
        make_item()
    client = program(Role.REVIEWER)
    client.get("/api/v1/items/")
    with django_assert_max_num_queries(4):  # token, roles, count, items
        client.get("/api/v1/items/")


def test_prompts_and_generators_count_their_items(program: Callable, pair: tuple[Item, Item]) -> None:
    client = program(Role.REVIEWER)
    assert [(row["text"], row["item_count"]) for row in client.get("/api/v1/prompts/").json()["results"]] == [
        ("A red kite", 2)
    ]
    found = client.get("/api/v1/generators/?name=painter").json()["results"]
    assert [(row["version"], row["parameters"], row["item_count"]) for row in found] == [("1", {"steps": 3}, 1)]


@pytest.mark.parametrize("method", ["put", "patch", "delete", "post"])
def test_items_are_only_read(program: Callable, pair: tuple[Item, Item], method: str) -> None:
    client = program(Role.ADMIN)
    assert getattr(client, method)(f"/api/v1/items/{pair[0].pk}/").status_code == 405
    assert Item.objects.count() == 2


def test_an_upload_becomes_an_import(program: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: dict = {}

    def start_import(**given: object) -> ImportBatch:
        taken.update(given)
        return ImportBatch.objects.create(name=given["name"], imported_by=given["requested_by"])

    monkeypatch.setattr(services, "start_import", start_import, raising=False)
    response = program(Role.ADMIN).post(
        "/api/v1/imports/", {"upload": zip_file(), "source": "Studio", "column_prompt": "text"}
    )
    assert response.status_code == 202
    body = response.json()
    assert (body["name"], body["imported_by"]) == ("may", "owner")
    assert response["Location"] == f"http://testserver/api/v1/imports/{body['id']}/"
    assert taken["options"]["columns"] == {"prompt": "text"}
    assert taken["options"]["defaults"] == {"source": "Studio"}
    assert taken["manifest"] is None


def test_an_upload_that_does_not_fit_is_a_problem_in_words(program: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    client = program(Role.ADMIN)
    nothing = client.post("/api/v1/imports/", {})
    assert nothing.status_code == 400
    assert "upload" in nothing.json()["errors"]
    wrong = client.post("/api/v1/imports/", {"upload": zip_file("may.rar")})
    assert "is not a ZIP archive" in str(wrong.json()["errors"]["upload"])
    assert client.post("/api/v1/imports/", {"a": 1}, content_type="application/json").status_code == 415

    def refuse(**given: object) -> ImportBatch:
        raise ProblemError("The archive is damaged; pack it again.", code="bad_archive")

    monkeypatch.setattr(services, "start_import", refuse, raising=False)
    refused = client.post("/api/v1/imports/", {"upload": zip_file()})
    assert refused.status_code == 400
    assert refused["Content-Type"] == "application/problem+json"
    assert (refused.json()["code"], refused.json()["title"]) == (
        "bad_archive",
        "The archive is damaged; pack it again.",
    )


def test_an_import_tells_its_problems(program: Callable) -> None:
    batch = ImportBatch.objects.create(name="May", rows=130, rejected=130)
    ImportProblem.objects.bulk_create(
        ImportProblem(batch=batch, row=row, file="a.png", field="file", code="truncated", message="Cut off.")
        for row in range(1, 131)
    )
    client = program(Role.REVIEWER)
    body = client.get(f"/api/v1/imports/{batch.pk}/").json()
    assert body["job"] is None
    assert len(body["problems"]) == 100
    assert body["problems"][0] == {
        "row": 1, "file": "a.png", "field": "file", "code": "truncated", "message": "Cut off."
    }  # fmt: skip
    page = client.get(f"/api/v1/imports/{batch.pk}/problems/?page_size=1000").json()
    assert (page["count"], len(page["results"])) == (130, 130)
