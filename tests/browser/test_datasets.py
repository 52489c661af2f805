"""A campaign becomes a dataset in the browser: exported, watched, looked at, downloaded."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotator.accounts.models import Role, User
from annotator.datasets.services import run_export
from annotator.jobs.models import Job
from tests.factories import make_annotated_campaign, make_item

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_campaign_is_exported_and_downloaded(
    open_page: Callable[..., Page], make_user: Callable[..., User], files: Path, look: Callable
) -> None:
    items = [make_item(licence=("CC0-1.0", "CC-BY-4.0")[n % 2]) for n in range(4)]
    people = [make_user("ann"), make_user("ben"), make_user("synthia", is_synthetic=True)]
    make_annotated_campaign(items, people, name="Street scenes, May")
    page = open_page(make_user("root", Role.ADMIN))
    page.goto("/datasets/")
    page.get_by_role("link", name=re.compile("Export.*Street scenes, May")).click()
    expect(page.get_by_text("1 of the 3 annotators is synthetic")).to_be_visible()
    page.get_by_label("Where people differ").select_option("reliability")
    page.get_by_role("button", name="Export a new version").click()
    expect(page.get_by_text("waits for a worker")).to_be_visible()
    run_export(str(Job.objects.get().pk))  # what the worker does
    expect(page.get_by_role("link", name="v1", exact=True)).to_be_visible()
    look(page, "dataset-campaign")
    page.get_by_role("link", name="v1", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Version 1")
    expect(page.get_by_text("Weighted by the annotators' reliability")).to_be_visible()
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
