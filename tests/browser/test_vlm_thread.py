"""The vision-language judge as people meet it: registered, measured, trained, promoted, scoring on two workers."""

import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from rest_framework.test import APIClient

from annotator.accounts.models import Role, User
from annotator.jobs.models import Job, JobState
from annotator.library.storage import original_path
from annotator.mpo.models import PairSet
from annotator.rewards.models import RewardModel, Score
from tests.annotator.rewards.pictures import make_pictures, open_campaign, submit_all
from tests.tiny_vlm import NAME, build_tiny

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

CHOSEN = {
    "LoRA rank": "16", "Learning rate": "0.006", "Epochs": "100", "Maximum steps": "80",
    "Items per pass and device": "8",
    "Passes per step": "1", "LoRA dropout": "0", "Held-out share": "0.4", "Steps between evaluations": "20",
    "Steps between checkpoints": "40", "Patience": "10",
}  # fmt: skip


@pytest.fixture
def finished(wait_until: Callable[..., None]) -> Callable[..., Job]:
    """``finished("rewards.train")``: waits until the newest job of the kind succeeded; its failure fails the test."""

    def wait(kind: str, count: int = 1, seconds: float = 240) -> Job:
        def done() -> bool:
            failed = Job.objects.filter(state=JobState.FAILED).first()
            assert failed is None, f"{failed.title}: {failed.error}"
            return Job.objects.filter(kind=kind, state=JobState.SUCCEEDED).count() >= count

        wait_until(done, f"{kind} did not finish", seconds=seconds)
        return Job.objects.filter(kind=kind).latest("created_at")

    return wait


def begin(page: Page) -> None:
    """The training form of the vision-language model, with campaign and base chosen."""
    page.goto("/rewards/train/?judge=vlm")
    page.get_by_label(re.compile("Clear and lit")).check()
    page.get_by_label("Base model").select_option(label=NAME)


def test_a_base_model_is_registered_trained_promoted_and_scores_on_two_workers(
    open_page: Callable[..., Page], make_user: Callable[..., User], look: Callable[..., None], settings: Any,
    start_worker: Callable[[], "subprocess.Popen[bytes]"], process_env: dict[str, str], finished: Callable[..., Job],
    wait_until: Callable[..., None], tmp_path: Any,
) -> None:  # fmt: skip
    root = tmp_path / "vlms"
    build_tiny(root)
    settings.VLM_ROOTS = [root]
    process_env |= {"VLM_ROOTS": str(root), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    judged = make_pictures(prompts=16)
    unseen = make_pictures(prompts=12, first_seed=200, place="in the rain")
    campaign = open_campaign(judged, name="Clear and lit")
    for seed, name in enumerate(("ann", "ben")):
        submit_all(campaign, make_user(name), seed=seed)
    ada = make_user("ada", Role.ADMIN)
    start_worker()
    page = open_page(ada)

    # The base model: offered in a list, checked by the worker.
    page.goto("/rewards/bases/")
    page.get_by_label("Folder").select_option(NAME)
    page.get_by_role("button", name="Register and check").click()
    expect(page.get_by_text("Check results")).to_be_visible(timeout=120_000)
    expect(page.get_by_text("questions in one pass")).to_be_visible()

    # As it is: something for the fine-tuned one to beat.
    begin(page)
    page.get_by_label("Use", exact=True).select_option(label="Use as is (zero-shot)")
    page.get_by_label("Then score all items with it").uncheck()
    page.get_by_label(re.compile("Promote")).check()
    page.get_by_role("button", name="Train", exact=True).click()
    finished("rewards.train")
    as_it_is = RewardModel.objects.get()
    assert (as_it_is.judge, as_it_is.state, as_it_is.metrics["validation"]["items"]) == ("vlm", "promoted", 64)

    # Fine-tuned, and watched.
    begin(page)
    page.get_by_text("More settings").click()
    for label, value in CHOSEN.items():
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_label("Layers to train").select_option(label="Language model and vision tower")
    page.get_by_label(re.compile("Promote")).check()
    page.get_by_label(re.compile("pairs", re.IGNORECASE)).check()
    expect(page.locator("#train-estimate")).to_contain_text("of memory")
    look(page, "vlm-train")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator("#training-live .curves")).to_be_visible(timeout=120_000)
    look(page, "vlm-training")
    start_worker()  # the second one, for the scoring
    finished("rewards.train", count=2)
    expect(page.get_by_role("link", name="Open Image reward v2")).to_be_visible(timeout=30_000)
    page.get_by_role("link", name="Open Image reward v2").click()
    tuned = RewardModel.objects.get(version=2)
    gate = page.get_by_role("region", name="Gate")
    expect(gate.get_by_text("Passed", exact=True)).to_be_visible()
    look(page, "vlm-model")
    assert tuned.gate["how"] == "items"
    lighting = next(row for row in tuned.gate["rows"] if row["id"] == "lighting")
    assert lighting["accuracy"]["difference"]["value"] > 0
    assert tuned.state == "promoted"

    # Everything is scored, and pairs are mined from the scores.
    finished("rewards.score")
    assert Score.objects.filter(reward_model=tuned).count() == len(judged) + len(unseen)
    finished("mpo.mine_pairs")
    assert PairSet.objects.get().pairs_count > 0
    page.get_by_role("link", name="MPO").first.click()
    expect(page.locator("main")).to_contain_text("v2")

    page.get_by_role("link", name="Agreement").first.click()
    expect(page.get_by_role("heading", name=re.compile("Agreement")).first).to_be_visible()
    expect(page.get_by_text("Clarity").first).to_be_visible(timeout=60_000)

    # One picture by API, answered while the request waits.
    client = APIClient()
    client.force_authenticate(ada)
    with original_path(unseen[0]).open("rb") as file:
        answer = client.post("/api/v1/score/", {"file": file, "prompt": "A kite in the rain"}, format="multipart")
    assert answer.status_code == 200, answer.data
    assert {"reward", "explanation"} <= answer.json().keys()
