"""The library in the browser: the gallery and its filters, an item, the import page, an import's result."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotator.accounts.models import Role, User
from annotator.jobs.models import Job, JobState
from annotator.library.models import ImportBatch, ImportProblem, Item, MediaType
from tests.factories import make_generator, make_item, make_prompt

pytestmark = pytest.mark.django_db(transaction=True)

LOADED = "[...document.querySelectorAll('.media-tile img')].every((i) => i.complete && i.naturalWidth)"


@pytest.fixture
def library(transactional_db: None, files: Path) -> dict[str, Item]:
    """A few pictures and a clip."""
    kite = make_prompt("A red kite over a gray sea, seen from the pier, late afternoon light")
    painter = make_generator("painter-xl", "1.0", {"steps": 30, "guidance": 7.5, "scheduler": "ddim"})
    batch = ImportBatch.objects.create(name="Studio tests, May", rows=8, imported=8)
    items = {
        "clip": make_item(MediaType.VIDEO, prompt=kite, generator=make_generator("mover", "2.1"), width=320, height=240,
                          batch=batch, source="Studio tests, May", license="CC-BY-4.0"),
        "kite": make_item(prompt=kite, generator=painter, width=640, height=480, batch=batch, license="CC0-1.0",
                          source="Studio tests, May", external_id="kite-001", extra={"scene": "outdoor"}),
    }  # fmt: skip
    for number, size in enumerate([(480, 640), (640, 360), (512, 512), (300, 600), (640, 480)]):
        text = f"A brass lamp on a desk, morning light, {number + 1} books beside it"
        items[f"lamp{number}"] = make_item(prompt=text, generator=painter, width=size[0], height=size[1], batch=batch)
    return items


def test_the_gallery_is_filtered_as_one_types(
    open_page: Callable[..., Page],
    make_user: Callable[..., User],
    library: dict[str, Item],
    look: Callable,
    wait_until: Callable,
) -> None:
    page = open_page(make_user("rita", Role.REVIEWER))
    page.goto("/library/")
    expect(page.locator(".media-tile")).to_have_count(7)
    wait_until(lambda: page.evaluate(LOADED), "the pictures did not load")
    look(page, "library")
    page.get_by_label("Prompt contains").fill("kite")
    expect(page.locator(".media-tile")).to_have_count(2)
    page.get_by_label("Media", exact=True).select_option("video")
    expect(page.locator(".media-tile")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"q=kite&media_type=video"))
    page.reload()
    expect(page.get_by_label("Prompt contains")).to_have_value("kite")
    expect(page.locator(".media-tile")).to_have_count(1)
    page.get_by_label("Prompt contains").fill("zebra")
    expect(page.get_by_text("No items match")).to_be_visible()
    page.go_back()  # from "zebra" to the clip
    expect(page.locator(".media-tile")).to_have_count(1)
    expect(page.get_by_role("heading", level=1)).to_have_text("Library")
    page.get_by_role("link", name="Clear", exact=True).click()
    expect(page.locator(".media-tile")).to_have_count(7)
    page.get_by_label("Prompt contains").fill("zebra")
    expect(page.get_by_text("No items match")).to_be_visible()
    look(page, "library-nothing-fits")  # at the end: taking pictures leaves empty style attributes behind


def test_a_filter_chosen_before_the_scripts_have_come(
    open_page: Callable[..., Page], make_user: Callable[..., User], library: dict[str, Item], before_scripts: Callable
) -> None:
    page = open_page(make_user("rita", Role.REVIEWER))
    with before_scripts(page, "/library/"):
        page.get_by_label("Media", exact=True).select_option("video")
    expect(page.locator(".media-tile")).to_have_count(1)
    expect(page).to_have_url(re.compile("media_type=video"))

    # A page that shows what was asked for asks for nothing more.
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "hx-request" in request.headers else None)
    page.goto("/library/?q=kite&media_type=video", wait_until="networkidle")
    page.goto("/insights/agreement/", wait_until="networkidle")
    assert not asked


def test_an_item_shows_its_media_and_where_it_comes_from(
    open_page: Callable[..., Page],
    make_user: Callable[..., User],
    library: dict[str, Item],
    look: Callable,
    wait_until: Callable,
) -> None:
    page = open_page(make_user("rita", Role.REVIEWER))
    page.goto(f"/library/{library['kite'].pk}/")
    wait_until(lambda: page.evaluate("document.querySelector('.item-media img').naturalWidth") == 640)
    expect(page.get_by_text("guidance")).to_be_visible()
    look(page, "library-item-image")
    page.get_by_role("link", name="mover").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Video {library['clip'].pk}")
    wait_until(lambda: page.evaluate("document.querySelector('video').readyState") >= 1, "the video did not load")
    look(page, "library-item-video")


def test_a_video_seeks_by_ranges(
    open_page: Callable[..., Page], make_user: Callable[..., User], library: dict[str, Item], wait_until: Callable
) -> None:
    page = open_page(make_user("rita", Role.REVIEWER))
    statuses: list[int] = []
    page.on("response", lambda response: statuses.append(response.status) if "/media/" in response.url else None)
    page.goto(f"/library/{library['clip'].pk}/")
    wait_until(lambda: page.evaluate("document.querySelector('video').readyState") >= 1, "the video did not load")
    page.evaluate("document.querySelector('video').currentTime = 0.7")
    seeked = "(v => !v.seeking && v.currentTime > 0.6 && v.readyState >= 2)(document.querySelector('video'))"
    wait_until(lambda: page.evaluate(seeked), "the video did not seek")
    assert 206 in statuses


def test_the_import_page_explains_itself(
    open_page: Callable[..., Page], make_user: Callable[..., User], look: Callable, tmp_path: Path
) -> None:
    page = open_page(make_user("root", Role.ADMIN), strict=False)
    page.goto("/library/import/")
    look(page, "library-import")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download an example manifest").click()
    assert download.value.suggested_filename == "manifest.csv"
    (tmp_path / "pictures.rar").write_bytes(b"Rar!")
    page.get_by_label("ZIP archive").set_input_files(tmp_path / "pictures.rar")
    page.get_by_text("My columns have other names").click()
    page.locator("#id_column_file").fill("path")
    page.locator("#id_column_prompt").fill("path")
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("“pictures.rar” is not a ZIP archive")).to_be_visible()
    expect(page.get_by_text("“path” is already used for “file”")).to_be_visible()
    look(page, "library-import-errors")


def test_an_import_under_way_and_its_refused_rows(
    open_page: Callable[..., Page],
    make_user: Callable[..., User],
    library: dict[str, Item],
    look: Callable,
    wait_until: Callable,
) -> None:
    admin = make_user("root", Role.ADMIN)
    job = Job.objects.create(
        kind="x", title="Import of “Street, June”", state=JobState.RUNNING, stage="Looking at files", done=30,
        total=120, requested_by=admin,
    )  # fmt: skip
    batch = ImportBatch.objects.create(name="Street, June", job=job, imported_by=admin, rows=120)
    page = open_page(admin)
    page.goto(f"/library/imports/{batch.pk}/")
    expect(page.get_by_text("30 / 120")).to_be_visible()
    look(page, "library-batch-running")
    ImportProblem.objects.bulk_create(
        ImportProblem(
            batch=batch, row=3 * row, file=f"street/{row:03}.png", field="file", code="truncated",
            message="The file is truncated (2,048 of at least 80,112 bytes). Add the complete file.",
        )
        for row in range(1, 61)
    )  # fmt: skip
    Item.objects.filter(pk__in=[item.pk for item in library.values()]).update(batch=batch)
    ImportBatch.objects.filter(pk=batch.pk).update(imported=58, duplicates=2, rejected=60)
    Job.objects.filter(pk=job.pk).update(state=JobState.SUCCEEDED, done=120)
    expect(page.get_by_role("heading", name="Rejected rows")).to_be_visible()
    expect(page.get_by_text("Succeeded")).to_be_visible()
    look(page, "library-batch")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    assert download.value.suggested_filename == "problems-street-june.csv"
    assert len(Path(download.value.path()).read_text("utf-8-sig").splitlines()) == 61
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("street/060.png")).to_be_visible()
    page.goto("/library/imports/")
    look(page, "library-batches")


def test_an_empty_library_leads_to_the_import(
    open_page: Callable[..., Page], make_user: Callable[..., User], look: Callable
) -> None:
    page = open_page(make_user("root", Role.ADMIN))
    page.goto("/library/")
    look(page, "library-empty")
    page.locator(".empty").get_by_role("link", name="Import media").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Import media")
