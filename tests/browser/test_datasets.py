"""A campaign becomes a dataset in the browser: exported, watched, looked at, downloaded."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotator.accounts.models import Role, User
from annotator.datasets.services import request_export, run_export
from annotator.jobs.models import Job
from tests.factories import make_annotated_campaign, make_item

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_campaign_is_exported_and_downloaded(
    open_page: Callable[..., Page], make_user: Callable[..., User], files: Path, look: Callable
) -> None:
    items = [make_item(license=("CC0-1.0", "CC-BY-4.0")[n % 2]) for n in range(4)]
    people = [make_user("ann"), make_user("ben"), make_user("synthia", is_synthetic=True)]
    make_annotated_campaign(items, people, name="Street scenes, May")
    page = open_page(make_user("root", Role.ADMIN))
    page.goto("/datasets/")
    page.get_by_role("link", name=re.compile("Export.*Street scenes, May")).click()
    expect(page.get_by_text("1 of the 3 annotators is synthetic")).to_be_visible()
    page.get_by_label("Consensus rule").select_option("reliability")
    page.get_by_role("button", name="Export new version").click()
    expect(page.get_by_text("waiting for a worker")).to_be_visible()
    run_export(str(Job.objects.get().pk))  # what the worker does
    expect(page.get_by_role("link", name="v1", exact=True)).to_be_visible()
    look(page, "dataset-campaign")
    page.get_by_role("link", name="v1", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Version 1")
    expect(page.get_by_text("Weighted by annotator reliability")).to_be_visible()
    look(page, "dataset-version")
    with page.expect_download() as download:
        page.get_by_role("link", name="annotations.jsonl").click()
    assert len(Path(download.value.path()).read_text().splitlines()) == 12
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all as ZIP").click()
    assert download.value.suggested_filename == "street-scenes-may-v1.zip"
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 7
    page.goto("/datasets/")
    look(page, "datasets")


@pytest.mark.asks_again
def test_a_file_comes_by_itself_after_the_password(
    open_page: Callable[..., Page], make_user: Callable[..., User], files: Path
) -> None:
    campaign = make_annotated_campaign([make_item()], [make_user("ann")], name="Street scenes, May")
    root = make_user("root", Role.ADMIN)
    job = request_export(campaign=campaign, requested_by=root, consensus="majority")
    run_export(str(job.pk))
    page = open_page(root)
    page.goto("/datasets/")
    page.get_by_role("link", name=re.compile("v1")).first.click()
    page.get_by_role("link", name="annotations.jsonl").click()
    expect(page.get_by_role("heading", name="Confirm it’s you")).to_be_visible()
    page.get_by_label("Password").fill("open sesame 1")
    with page.expect_download() as download:
        page.get_by_role("button", name="Continue").click()
    assert download.value.suggested_filename.endswith("annotations.jsonl")
    expect(page.get_by_role("heading", level=1)).to_have_text("Version 1")
