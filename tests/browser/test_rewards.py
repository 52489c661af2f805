"""The thread from judgments to a ranking one can read, in the browser."""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.db import connections
from playwright.sync_api import Page, expect

from annotator.accounts.models import Role, User
from annotator.jobs.models import Job, JobState
from annotator.rewards.models import RewardModel
from tests.annotator.rewards.pictures import compare_all, make_pictures, open_campaign, submit_all

pytestmark = pytest.mark.django_db(transaction=True)

LOADED = "[...document.querySelectorAll('.media-tile img, .item-media img')].every((i) => i.complete && i.naturalWidth)"
SLOW_MS = 120_000


@pytest.fixture
def worker_beside(transactional_db: None) -> Iterator[None]:
    """Works off the queue in a thread of this process, which has PyTorch loaded already."""
    current_app.loader.import_default_modules()
    done = threading.Event()

    def work() -> None:
        while not done.wait(0.1):
            job = Job.objects.filter(state=JobState.QUEUED).order_by("created_at").first()
            if job is not None:
                current_app.tasks[job.kind](str(job.pk))
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    done.set()
    thread.join()


def test_an_admin_trains_watches_and_reads_the_scores(
    open_page: Callable[..., Page],
    make_user: Callable[..., User],
    files: Path,
    settings: Any,
    worker_beside: None,
    wait_until: Callable[..., None],
    look: Callable[..., None],
) -> None:
    settings.VALIDATION_FOLDS = 2
    items = make_pictures(prompts=5)
    campaign = open_campaign(items, name="Clear and lit, May")
    compare_all(items, make_user("cy", Role.ANNOTATOR), name="Which is better?")
    for seed, name in enumerate(("ann", "ben")):
        submit_all(campaign, make_user(name, Role.ANNOTATOR), seed=seed)
    page = open_page(make_user("root", Role.ADMIN))

    page.goto("/rewards/")
    page.get_by_role("link", name="Train new version").first.click()
    page.get_by_label(re.compile("Clear and lit, May")).check()
    page.get_by_label(re.compile("Which is better")).check()
    look(page, "rewards-train")
    page.get_by_role("button", name="Train", exact=True).click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Train the image reward model")
    expect(page.locator("#training-live")).to_be_visible()
    look(page, "rewards-training")
    page.get_by_role("link", name="Reward models").click()
    expect(page.get_by_role("link", name="Version 1", exact=True)).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_text("20 / 20")).to_be_visible(timeout=SLOW_MS)
    expect(page.locator(".job")).to_have_count(0, timeout=SLOW_MS)
    look(page, "rewards-models")

    page.get_by_role("link", name="Metrics").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Image reward v1")
    expect(page.get_by_text("20 of 20 items have a score from this version.")).to_be_visible()
    expect(page.locator("#preferences").get_by_text("Preference accuracy on unseen prompts")).to_be_visible()
    expect(page.locator("svg.reliability")).to_be_visible()
    page.locator(".weight > summary").first.click()
    look(page, "rewards-model")
    with page.expect_download() as download:
        page.get_by_role("link", name="Manifest").click()
    assert download.value.suggested_filename == "image-reward-v1.json"

    page.get_by_role("link", name="View ranking").click()
    expect(page.locator(".media-tile")).to_have_count(20)
    wait_until(lambda: page.evaluate(LOADED), "the pictures did not load")
    look(page, "rewards-scores")
    page.get_by_label("Prompt contains").fill("lamp")
    expect(page.locator(".media-tile")).to_have_count(4)
    page.get_by_label("Order").select_option("worst")
    expect(page).to_have_url(re.compile(r"order=worst"))
    expect(page.locator(".media-tile")).to_have_count(4)

    page.locator(".media-tile").first.click()
    expect(page.get_by_text("number 4 of 4 for its prompt")).to_be_visible()
    expect(page.get_by_text(re.compile("Largest losses"))).to_be_visible()
    page.locator(".dimension > summary").first.click()
    page.locator(".sub > summary").first.click()
    expect(page.get_by_text(re.compile("at least level 1\\?")).first).to_be_visible()
    wait_until(lambda: page.evaluate(LOADED), "the picture did not load")
    look(page, "rewards-score")
    page.get_by_role("link", name="View in library").click()
    expect(page.locator("#score").get_by_text(re.compile("Largest losses"))).to_be_visible()

    model = RewardModel.objects.get()
    page.goto(f"/rewards/models/{model.pk}/")
    page.get_by_role("button", name="Retire").click()
    expect(page.get_by_text("is retired. Its scores are kept.")).to_be_visible()
    page.get_by_role("button", name="Promote").click()
    expect(page.get_by_text("is promoted. Scores and pairs now come from it.")).to_be_visible()
