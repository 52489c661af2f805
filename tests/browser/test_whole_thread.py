"""The whole loop as people walk it: annotate, retrain, score, pairs, export, agreement; with a real worker."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as parquet
import pytest
from playwright.sync_api import Page, expect

from annotator.accounts.models import Role, User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Assignment, AssignmentState, Campaign
from annotator.demo.content import image_versions, video_versions
from annotator.demo.services import create_demo
from annotator.jobs.models import Job, JobState
from annotator.rewards.models import RewardModel, Score

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]

PHOTOGRAPHS = 6
KINDS = ("untouched", "blur-2", "blur-4", "dark")


@pytest.fixture
def demo(files: Path) -> None:
    """A part of the demo: six photographs in four versions, and a few clips."""
    images = [v for v in image_versions() if v.name.rsplit("/", 1)[1] in KINDS]
    names = list(dict.fromkeys(v.photograph.name for v in images))[:PHOTOGRAPHS]
    videos = list(video_versions())
    create_demo(versions=[v for v in images if v.photograph.name in names] + videos[:: max(len(videos) // 4, 1)])


def sign_in(page: Page, name: str) -> None:
    page.goto("/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill("open sesame 1")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Hello, {name}")


def annotate_one(page: Page, campaign: Campaign) -> None:
    """From the home page to a submitted item, by keyboard alone once the workspace is open."""
    page.goto("/")
    card = page.locator("article, section, li").filter(has=page.get_by_role("heading", name=campaign.name)).last
    card.get_by_role("link", name=re.compile("Start|Begin|Continue")).click()
    expect(page.locator("#workspace.scripted")).to_be_visible()
    for _ in checklist_of(campaign.checklist_version).sub_dimensions:
        page.keyboard.press("2")  # low on safety, too: its kind is then asked as well
    expect(page.locator("#workspace.complete")).to_be_visible()
    page.keyboard.press("Enter")


def test_the_whole_loop(
    demo: None, make_user: Callable[..., User], open_page: Callable[..., Page], start_worker: Callable,
    wait_until: Callable, look: Callable, process_env: dict[str, str], tmp_path: Path,
) -> None:  # fmt: skip
    process_env["VALIDATION_FOLDS"] = "2"
    images, videos = (Campaign.objects.get(media_type=kind) for kind in ("image", "video"))
    ann = make_user("ann")
    make_user("root", Role.ADMIN)

    # An annotator answers an image and a video.
    page = open_page()
    sign_in(page, "ann")
    for campaign in (images, videos):
        annotate_one(page, campaign)
        submitted = Assignment.objects.filter(
            annotator=ann, campaign_item__campaign=campaign, state=AssignmentState.SUBMITTED
        )
        wait_until(submitted.exists, f"the item of {campaign} was not submitted")

    # An admin retrains and watches.
    Job.objects.all().delete()  # the demo's own first loop; this test asks for one itself
    start_worker()
    admin = open_page()
    sign_in(admin, "root")
    admin.get_by_role("link", name="Models").first.click()
    admin.get_by_role("link", name="Train new version").first.click()
    for campaign in (images,):
        admin.get_by_label(re.compile(re.escape(campaign.name))).check()
    admin.get_by_label(re.compile("Mine|pairs", re.IGNORECASE)).check()
    admin.get_by_role("button", name="Train", exact=True).click()
    wait_until(lambda: Job.objects.filter(kind="rewards.train").exists(), "no training was asked for")
    admin.goto("/jobs/")
    expect(admin.get_by_role("link", name=re.compile("Train", re.IGNORECASE)).first).to_be_visible()
    kinds = ("rewards.train", "rewards.score", "mpo.mine_pairs")

    def all_done() -> bool:
        failed = Job.objects.filter(state=JobState.FAILED).first()
        assert failed is None, f"{failed.title}: {failed.error}"
        return all(Job.objects.filter(kind=kind, state=JobState.SUCCEEDED).exists() for kind in kinds)

    wait_until(all_done, "training, scoring and pairs did not finish", seconds=240)
    model = RewardModel.objects.get(media_type="image")
    assert Score.objects.filter(reward_model=model).count() == PHOTOGRAPHS * len(KINDS)
    expect(admin.get_by_text("Succeeded").first).to_be_visible()
    admin.goto(f"/rewards/models/{model.pk}/")
    admin.goto("/rewards/scores/")

    # Pairs, downloaded.
    admin.get_by_role("link", name="MPO").first.click()
    admin.locator("main").get_by_role("link", name=re.compile("image", re.IGNORECASE)).first.click()
    with admin.expect_download() as download:
        admin.get_by_role("link", name=re.compile("^JSONL", re.IGNORECASE)).first.click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines, "no pair at all from six photographs and their degraded versions"
    assert {"prompt"} <= json.loads(lines[0]).keys()

    # The export, downloaded and read.
    admin.get_by_role("link", name="Datasets").first.click()
    admin.get_by_role("link", name=re.compile(rf"Export\s*: {images.name}")).click()
    admin.get_by_role("button", name=re.compile("Export", re.IGNORECASE)).click()
    expect(admin).not_to_have_url(re.compile("/reauthenticate/"))  # the password was given a moment ago
    exported = Job.objects.filter(kind="datasets.export")
    wait_until(
        lambda: exported.filter(state__in=(JobState.SUCCEEDED, JobState.FAILED)).exists(), "nothing was exported"
    )
    assert exported.get().state == JobState.SUCCEEDED, exported.get().error
    admin.goto("/datasets/")
    admin.get_by_role("link", name=re.compile("v1")).first.click()
    with admin.expect_download() as download:
        admin.get_by_role("link", name=re.compile(r"annotations.*\.parquet")).first.click()
    file = tmp_path / "annotations.parquet"
    download.value.save_as(file)
    assert (
        parquet.read_table(file).num_rows
        == Assignment.objects.filter(campaign_item__campaign=images, state=AssignmentState.SUBMITTED).count()
    )

    # Where model and humans agree.
    admin.get_by_role("link", name="Agreement").first.click()
    expect(admin.get_by_role("heading", name=re.compile("Agreement")).first).to_be_visible()
    expect(admin.get_by_text("Clarity").first).to_be_visible()
    admin.goto("/")
    look(admin, "thread-home", axe=False)
