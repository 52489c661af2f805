"""The gallery, an item's page, and the pages of imports."""

import csv
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotator.accounts.models import Role
from annotator.core.errors import ProblemError
from annotator.jobs.models import Job, JobState
from annotator.library import manifest, services
from annotator.library.item_panels import item_panels
from annotator.library.models import ImportBatch, ImportProblem, Item, MediaType
from tests.factories import make_generator, make_item, make_prompt

pytestmark = pytest.mark.django_db


@pytest.fixture
def many(db: None) -> Callable[..., list[Item]]:
    """Items without files, for lists."""

    def make(count: int, **fields: object) -> list[Item]:
        prompt, generator = make_prompt(), make_generator("bulk")
        common = {
            "media_type": MediaType.IMAGE, "prompt": prompt, "generator": generator, "extension": "png",
            "mime_type": "image/png", "size_bytes": 10, "width": 4, "height": 3,
        }  # fmt: skip
        return Item.objects.bulk_create(
            [Item(**{**common, **fields, "sha256": f"{number:064x}"}) for number in range(count)]
        )

    return make


def shown(response: object) -> list[int]:
    return [item.pk for item in response.context["page"]]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "args", "method", "allowed"),
    [
        ("items", [], "get", {"admin", "reviewer"}),
        ("item", ["item"], "get", {"admin", "reviewer"}),
        ("batches", [], "get", {"admin", "reviewer"}),
        ("batch", ["batch"], "get", {"admin", "reviewer"}),
        ("batch-problems", ["batch"], "get", {"admin", "reviewer"}),
        ("example-manifest", [], "get", {"admin", "reviewer"}),
        ("import", [], "get", {"admin"}),
        ("import", [], "post", {"admin"}),
    ],
)
@pytest.mark.parametrize("role", ["admin", "reviewer", "annotator", None, "anonymous"])
def test_who_may_open_what(
    client: Client, sign_in: Callable, many: Callable, name: str, args: list[str], method: str, allowed: set, role: str
) -> None:
    ids = {"item": many(1)[0].pk, "batch": ImportBatch.objects.create(name="May").pk}
    if role != "anonymous":
        sign_in(role)
    response = getattr(client, method)(reverse(f"library:{name}", args=[ids[arg] for arg in args]))
    if role == "anonymous":
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("account_login"))
    elif role in allowed:
        assert response.status_code == (422 if method == "post" else 200)
    else:
        assert response.status_code == 403


@pytest.mark.parametrize("name", ["item", "batch", "batch-problems"])
def test_what_is_not_there_is_not_found(client: Client, sign_in: Callable, name: str) -> None:
    sign_in(Role.ADMIN)
    assert client.get(reverse(f"library:{name}", args=[99999999999999999999])).status_code == 404


def test_an_empty_library_says_what_to_do(client: Client, sign_in: Callable) -> None:
    sign_in(Role.ADMIN)
    content = client.get(reverse("library:items")).content.decode()
    assert "The library is empty" in content
    assert reverse("library:import") in content


def test_a_reviewer_is_not_offered_an_import(client: Client, sign_in: Callable) -> None:
    sign_in(Role.REVIEWER)
    for name in ("items", "batches"):
        assert f'href="{reverse("library:import")}"' not in client.get(reverse(f"library:{name}")).content.decode()


def test_the_gallery_comes_in_pages(
    client: Client, sign_in: Callable, many: Callable, django_assert_max_num_queries: Callable
) -> None:
    sign_in(Role.REVIEWER)
    made = many(60)
    with django_assert_max_num_queries(9):
        first = client.get(reverse("library:items"))
    assert shown(first) == [item.pk for item in reversed(made)][:48]
    second = client.get(reverse("library:items"), {"page": 2, "media_type": "image"})
    assert len(shown(second)) == 12
    assert "page=1" in second.content.decode()
    assert "media_type=image" in second.content.decode()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "dcba"),
        ({"media_type": "video"}, "d"),
        ({"generator": "painter"}, "ba"),
        ({"q": "KITE"}, "ca"),
        ({"q": "100%"}, "b"),
        ({"license": "CC0"}, "a"),
        ({"batch": "BATCH"}, "c"),
        ({"q": "kite", "generator": "painter"}, "a"),
        ({"ordering": "oldest"}, "abcd"),
        ({"ordering": "prompt"}, "bdac"),
        ({"ordering": "generator"}, "dcab"),
        ({"ordering": "largest"}, "badc"),
        ({"ordering": "longest"}, "dabc"),
        ({"q": "kite", "ordering": "oldest"}, "ac"),
        ({"media_type": "<b>", "ordering": "nonsense", "batch": "x", "page": "zzz"}, "dcba"),
        ({"q": "nothing has this"}, ""),
    ],
)
def test_filters_and_orders(client: Client, sign_in: Callable, many: Callable, query: dict, expected: str) -> None:
    sign_in(Role.REVIEWER)
    batch = ImportBatch.objects.create(name="May")
    painter, mover = make_generator("painter"), make_generator("mover")
    items = {
        "a": many(1, prompt=make_prompt("a kite at sea"), generator=painter, license="CC0", size_bytes=20)[0],
        "b": many(1, prompt=make_prompt("100% wool"), generator=painter, size_bytes=30)[0],
        "c": many(1, prompt=make_prompt("b Kite"), generator=mover, batch=batch)[0],
        "d": many(1, prompt=make_prompt("a clip"), generator=make_generator("film"), media_type=MediaType.VIDEO,
                  duration_ms=4000, size_bytes=15)[0],
    }  # fmt: skip
    names = {item.pk: name for name, item in items.items()}
    query = {key: str(batch.pk) if value == "BATCH" else value for key, value in query.items()}
    response = client.get(reverse("library:items"), query)
    assert "".join(names[pk] for pk in shown(response)) == expected


def test_htmx_gets_the_list_alone_and_the_address_moves(client: Client, sign_in: Callable, many: Callable) -> None:
    sign_in(Role.REVIEWER)
    many(2)
    response = client.get(
        reverse("library:items"), {"q": "red kite", "generator": "", "license": ""}, headers={"HX-Request": "true"}
    )
    assert b"<html" not in response.content
    assert response["HX-Push-Url"] == "/library/?q=red+kite"
    assert client.get(reverse("library:items"), headers={"HX-Request": "true"})["HX-Push-Url"] == "/library/"


def test_going_back_gets_the_whole_page_again(client: Client, sign_in: Callable) -> None:
    sign_in(Role.REVIEWER)
    headers = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    response = client.get(reverse("library:items"), {"q": "kite"}, headers=headers)
    assert b"<html" in response.content
    assert "HX-Request" in response["Vary"]


def test_nothing_fits_is_said_with_a_way_out(client: Client, sign_in: Callable, many: Callable) -> None:
    sign_in(Role.REVIEWER)
    many(1)
    content = client.get(reverse("library:items"), {"q": "zebra"}).content.decode()
    assert "No items match" in content
    assert "Clear filters" in content


def test_text_from_outside_stays_text(client: Client, sign_in: Callable, many: Callable) -> None:
    sign_in(Role.REVIEWER)
    bad = "<script>alert(1)</script>"
    item = many(
        1, prompt=make_prompt(bad), generator=make_generator(bad, bad, {bad: bad}), source=bad, license=bad,
        file_name=bad, extra={bad: bad},
    )[0]  # fmt: skip
    for url in (reverse("library:items"), reverse("library:item", args=[item.pk])):
        content = client.get(url).content.decode()
        assert "<script>alert" not in content
        assert "&lt;script&gt;alert" in content


def test_an_item_is_shown_whole(client: Client, sign_in: Callable, files: Path) -> None:
    sign_in(Role.REVIEWER)
    batch = ImportBatch.objects.create(name="Studio, May")
    prompt = make_prompt("A brass lamp")
    clip = make_item(
        MediaType.VIDEO, prompt=prompt, generator=make_generator("mover", "2.1", {"steps": 30}), batch=batch,
        source="Studio tests", license="CC-BY-4.0", external_id="lamp-7", extra={"scene": "indoor"},
    )  # fmt: skip
    other = make_item(prompt=prompt)
    content = client.get(reverse("library:item", args=[clip.pk])).content.decode()
    for text in ("A brass lamp", "mover", "2.1", "steps", "30", "Studio tests", "CC-BY-4.0", "lamp-7", clip.sha256,
                 "1.0 s", "10 frames per second", "96 × 64", "video/mp4", "Studio, May",
                 "scene", "indoor"):  # fmt: skip
        assert text in content, text
    assert "<video" in content
    assert "controls" in content
    assert reverse("library:item", args=[other.pk]) in content, "other items of the prompt are linked"
    picture = client.get(reverse("library:item", args=[other.pk])).content.decode()
    assert "<video" not in picture
    assert f'src="{reverse("library:media", args=[other.pk])}"' in picture


def test_other_apps_show_their_panels_on_an_item(
    client: Client, sign_in: Callable, many: Callable, tmp_path: Path, settings: object
) -> None:
    (tmp_path / "test_panel.html").write_text("<p>Panel of {{ item.pk }}: {{ words }}</p>")
    (tmp_path / "test_silent.html").write_text("never seen")
    template_settings = [{**settings.TEMPLATES[0], "DIRS": [*settings.TEMPLATES[0]["DIRS"], tmp_path]}]  # type: ignore[attr-defined]
    settings.TEMPLATES = template_settings  # type: ignore[attr-defined]

    def words(request: HttpRequest, item: Item) -> dict:
        return {"words": f"<for {request.user.username}>"}

    item_panels.register("test_panel.html", words)
    item_panels.register("test_silent.html", lambda request, item: None)
    try:
        sign_in(Role.REVIEWER)
        item = many(1)[0]
        content = client.get(reverse("library:item", args=[item.pk])).content.decode()
    finally:
        item_panels.unregister("test_panel.html")
        item_panels.unregister("test_silent.html")
    assert f"<p>Panel of {item.pk}: &lt;for reviewer&gt;</p>" in content
    assert "never seen" not in content


def archive(*names: str) -> SimpleUploadedFile:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name in names:
            file.writestr(name, b"x")
    return SimpleUploadedFile("may pictures.zip", content.getvalue(), "application/zip")


def test_an_import_is_handed_to_the_service_with_its_options(
    client: Client, sign_in: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = sign_in(Role.ADMIN).user
    taken: dict = {}

    def start_import(**given: object) -> ImportBatch:
        taken.update(given)
        return ImportBatch.objects.create(name=given["name"])

    monkeypatch.setattr(services, "start_import", start_import, raising=False)
    response = client.post(
        reverse("library:import"),
        {
            "upload": archive("a.png"),
            "manifest": SimpleUploadedFile("list.jsonl", b'{"file": "a.png"}'),
            "license": "CC0",
            "column_file": "image_path",
        },
    )
    batch = ImportBatch.objects.get()
    assert response.status_code == 302
    assert response["Location"] == reverse("library:batch", args=[batch.pk])
    assert taken["name"] == "may pictures"
    assert taken["upload"].name == "may pictures.zip"
    assert taken["manifest"].name == "list.jsonl"
    assert taken["requested_by"] == user
    assert taken["options"]["columns"] == {"file": "image_path"}
    assert taken["options"]["defaults"] == {"license": "CC0"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "This field is required"),
        ({"upload": SimpleUploadedFile("a.rar", b"x")}, "“a.rar” is not a ZIP archive"),
        ({"upload": archive(), "manifest": SimpleUploadedFile("a.xlsx", b"x")}, "“a.xlsx” is not a manifest"),
        ({"upload": archive(), "column_file": "x", "column_prompt": "x"}, "“x” is already used for “file”"),
    ],
)
def test_a_form_that_does_not_fit_says_so(client: Client, sign_in: Callable, data: dict, words: str) -> None:
    sign_in(Role.ADMIN)
    for value in data.values():
        if hasattr(value, "seek"):
            value.seek(0)
    response = client.post(reverse("library:import"), data)
    assert response.status_code == 422
    assert words in response.content.decode()
    assert not ImportBatch.objects.exists()


def test_what_the_service_refuses_is_said_on_the_form(
    client: Client, sign_in: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(Role.ADMIN)

    def refuse(**given: object) -> ImportBatch:
        raise ProblemError("The archive is damaged; pack it again.", code="bad_archive")

    monkeypatch.setattr(services, "start_import", refuse, raising=False)
    response = client.post(reverse("library:import"), {"upload": archive("a.png")})
    assert response.status_code == 422
    assert "The archive is damaged; pack it again." in response.content.decode()


def test_the_example_manifest_is_a_table(client: Client, sign_in: Callable) -> None:
    sign_in(Role.ADMIN)
    response = client.get(reverse("library:example-manifest"))
    rows = list(csv.DictReader(io.StringIO(response.content.decode())))
    assert response["Content-Disposition"] == 'attachment; filename="manifest.csv"'
    assert len(rows) >= 2
    assert all(row["file"] and row["prompt"] and row["generator"] for row in rows)
    assert set(rows[0]) == set(manifest.FIELDS), "the example shows every field there is"


def test_the_example_manifest_is_one_the_importer_reads(client: Client, sign_in: Callable, tmp_path: Path) -> None:
    sign_in(Role.ADMIN)
    path = tmp_path / "manifest.csv"
    path.write_bytes(client.get(reverse("library:example-manifest")).content)
    rows = list(manifest.rows(path, "manifest.csv", manifest.ImportOptions()))
    assert [row.problem for row in rows] == [None] * len(rows)
    assert rows[0].values["generator_parameters"] == {"steps": 30, "seed": 7}


@pytest.fixture
def import_with_problems(db: None) -> ImportBatch:
    batch = ImportBatch.objects.create(name="May", rows=70, imported=9, duplicates=1, rejected=60)
    ImportProblem.objects.bulk_create(
        ImportProblem(
            batch=batch, row=row, file=f"=cmd|'{row}'", field="file", code="truncated", message=f"Row {row} is cut off."
        )
        for row in range(1, 61)
    )
    return batch


def test_refused_rows_come_in_pages(client: Client, sign_in: Callable, import_with_problems: ImportBatch) -> None:
    sign_in(Role.REVIEWER)
    url = reverse("library:batch", args=[import_with_problems.pk])
    first, second = client.get(url).content.decode(), client.get(url, {"page": 2}).content.decode()
    assert "Row 1 is cut off." in first
    assert "Row 60 is cut off." not in first
    assert "Row 60 is cut off." in second
    assert "hx-trigger" not in first, "an import that is over is not asked for again and again"


def test_refused_rows_are_downloaded_whole_and_harmless(
    client: Client, sign_in: Callable, import_with_problems: ImportBatch
) -> None:
    sign_in(Role.REVIEWER)
    response = client.get(reverse("library:batch-problems", args=[import_with_problems.pk]))
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [int(row["row"]) for row in rows] == list(range(1, 61))
    assert rows[0] == {
        "row": "1", "file": "'=cmd|'1'", "field": "file", "code": "truncated", "message": "Row 1 is cut off."
    }  # fmt: skip


def test_a_running_import_is_shown_live_and_a_failed_one_in_words(client: Client, sign_in: Callable) -> None:
    sign_in(Role.REVIEWER)
    job = Job.objects.create(kind="x", title="Import “May”", state=JobState.RUNNING, stage="Reading", done=3, total=9)
    batch = ImportBatch.objects.create(name="May", job=job)
    url = reverse("library:batch", args=[batch.pk])
    content = client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in content
    assert f'hx-get="{url}"' in content
    assert "3 / 9" in content
    Job.objects.update(state=JobState.FAILED, error="The disk is full.")
    ended = client.get(url).content.decode()
    assert "The disk is full." in ended
    assert f'hx-get="{url}"' not in ended
    assert "No rows were rejected" not in ended


def test_imports_are_listed(client: Client, sign_in: Callable, import_with_problems: ImportBatch) -> None:
    sign_in(Role.REVIEWER)
    content = client.get(reverse("library:batches")).content.decode()
    assert reverse("library:batch", args=[import_with_problems.pk]) in content
    assert ">60<" in content


@pytest.mark.parametrize(
    ("counts", "badge", "words"),
    [
        ((0, 0, 3), '<span class="badge bad">All rejected</span>', "every row was rejected"),
        ((2, 0, 1), '<span class="badge warn">Some rejected</span>', "1 row was rejected; the others were imported."),
        ((0, 2, 1), '<span class="badge warn">Some rejected</span>', "1 row was rejected; the others were imported."),
        ((2, 1, 0), '<span class="badge good">Done</span>', "No rows were rejected."),
    ],
)
def test_an_import_looks_as_it_went(
    client: Client, sign_in: Callable, counts: tuple[int, int, int], badge: str, words: str
) -> None:
    imported, duplicates, rejected = counts
    batch = ImportBatch.objects.create(
        name="Monday", rows=3, imported=imported, duplicates=duplicates, rejected=rejected, finished_at=timezone.now()
    )
    sign_in(Role.REVIEWER)
    assert badge in client.get(reverse("library:batches")).content.decode()
    assert words in client.get(reverse("library:batch", args=[batch.pk])).content.decode()
