"""Preference pairs in the browser: mined by form, looked at side by side, vetoed, downloaded."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from annotator.accounts.models import Role, User
from annotator.campaigns.checklists import checklist_of
from annotator.jobs.models import Job
from annotator.library.models import MediaType
from annotator.mpo.models import PairSet
from annotator.mpo.services import request_pair_mining, run_pair_mining
from annotator.rewards.models import RewardModel
from tests.factories import make_generator, make_item, make_prompt, make_reward_model, make_score

pytestmark = pytest.mark.django_db(transaction=True)

# What is further down loads when it is scrolled to; a picture of the whole page wants it now.
LOADED = """[...document.querySelectorAll('.side img')].every((i) => {
  i.loading = 'eager';
  return i.complete && i.naturalWidth;
})"""


def scored_library(media_type: str, sizes: list[tuple[int, int]]) -> RewardModel:
    """Two prompts with an item of each size, the later ones better everywhere."""
    model = make_reward_model(media_type)
    checklist = checklist_of(model.checklist_version)
    rng = np.random.default_rng(3)
    texts = ["A red kite over a gray sea, seen from the pier, late afternoon light",
             "An old man and a dog wait for the last tram of the night in a narrow street, rain on the window, wide "
             "angle, film grain, muted colors"]  # fmt: skip
    for text in texts:
        prompt = make_prompt(text)
        better = rng.uniform(0.02, 0.3, len(checklist.dimensions))[checklist.question_dimension]
        for rank, (width, height) in enumerate(sizes):
            item = make_item(
                media_type,
                prompt=prompt,
                generator=make_generator("painter-xl", f"1.{rank}"),
                width=width,
                height=height,
            )
            make_score(model, item, np.clip(0.3 + rank * better, 0.02, 0.98))
    return model


def test_pairs_are_mined_looked_at_vetoed_and_downloaded(
    open_page: Callable[..., Page], make_user: Callable[..., User], files: Path, look: Callable, wait_until: Callable
) -> None:
    page = open_page(make_user("root", Role.ADMIN))
    page.goto("/mpo/")
    page.get_by_role("link", name="Mine pairs").first.click()
    expect(page.get_by_text("No reward model has scored anything yet")).to_be_visible()
    scored_library(MediaType.IMAGE, [(640, 480), (480, 640), (512, 512)])
    page.reload()
    look(page, "pairs-mine")
    page.get_by_label("Name (optional)").fill("Kites and lamps")
    page.get_by_role("button", name="Mine pairs").click()
    expect(page.get_by_text("waiting for a worker")).to_be_visible()
    run_pair_mining(str(Job.objects.get().pk))  # what the worker does
    expect(page.get_by_role("link", name="Kites and lamps")).to_be_visible()
    page.get_by_role("link", name="Kites and lamps").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Kites and lamps")
    expect(page.locator(".pair")).to_have_count(6)
    wait_until(lambda: page.evaluate(LOADED), "the pictures did not load")
    look(page, "pair-set")
    first = page.locator(".pair").first
    first.get_by_role("button", name="Veto").click()
    expect(first.get_by_text("Vetoed by root")).to_be_visible()
    page.get_by_label("Show").select_option("vetoed")
    expect(page.locator(".pair")).to_have_count(1)
    page.goto("/mpo/")
    look(page, "pairs")
    page.go_back()
    with page.expect_download() as download:
        page.get_by_role("link", name="DPO", exact=True).click()
    rows = [json.loads(line) for line in Path(download.value.path()).read_text().rstrip("\n").split("\n")]
    assert len(rows) == 5
    assert all(row["chosen_reward"] > row["rejected_reward"] for row in rows)


def test_pairs_of_videos_play(
    open_page: Callable[..., Page], make_user: Callable[..., User], files: Path, look: Callable, wait_until: Callable
) -> None:
    model = scored_library(MediaType.VIDEO, [(320, 240), (320, 180)])
    job = request_pair_mining(reward_model=model, options={"level": "total"})
    run_pair_mining(str(job.pk))
    page = open_page(make_user("rita", Role.REVIEWER))
    page.goto(f"/mpo/{PairSet.objects.get().pk}/")
    expect(page.locator(".pair")).to_have_count(2)
    look(page, "pair-set-videos")
    page.evaluate("document.querySelector('.side video').play()")
    wait_until(lambda: page.evaluate("document.querySelector('.side video').readyState") >= 2, "the clip did not play")
