"""The agreement page and its drill-down in the browser."""

import re
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.core.cache import cache
from playwright.sync_api import Page, expect

from annotator.accounts.models import Role, User
from annotator.campaigns.queries import judgment_levels
from annotator.core import figures
from annotator.rewards.models import RewardModel, Snapshot
from annotator.rewards.services import artifacts
from annotator.trust.consensus import majority
from reward_engine.answers import to_answers
from tests.factories import make_annotated_campaign, make_item, make_reward_model, make_score

pytestmark = pytest.mark.django_db(transaction=True)

LOADED = """[...document.querySelectorAll('.apart-grid img')].every((i) => {
  i.loading = 'eager';
  return i.complete && i.naturalWidth;
})"""


@pytest.fixture
def model(transactional_db: None, files: Path, make_user: Callable[..., User]) -> RewardModel:
    """A judge that is mostly right about ten judged images; it was trained on the prompts of two of them."""
    cache.clear()  # figures of an earlier test; workers take a moment here
    items = [make_item(width=320, height=240, prompt=f"A brass lamp, {n + 1} books beside it") for n in range(10)]
    people = [make_user(name, is_synthetic=name == "synthia") for name in ("ann", "ben", "synthia")]
    campaign = make_annotated_campaign(items, people, name="Lamps, first round", seed=2)
    model = make_reward_model()
    table = majority(judgment_levels([campaign]))
    answers = to_answers(table.checklist, table.levels)
    rng = np.random.default_rng(1)
    for item, row in zip(items, answers, strict=True):
        make_score(model, item, np.clip(np.where(row == 1, 0.8, 0.2) + rng.normal(0, 0.35, len(row)), 0.02, 0.98))
    content = artifacts.pack({"prompts": np.array([item.prompt_id for item in items[:2]])})
    artifacts.write_file(artifacts.root() / "snapshots" / "s.safetensors", content)
    model.snapshot = Snapshot.objects.create(
        media_type="image", checklist_version=campaign.checklist_version, items=2, judgments=6, prompts=2,
        path="snapshots/s.safetensors", sha256=artifacts.digest(content),
    )  # fmt: skip
    unseen = artifacts.pack({"items": np.zeros(0, np.int64), "p_yes": np.zeros((0, answers.shape[1]), np.float32)})
    artifacts.write_file(artifacts.root() / "m" / artifacts.HELD_OUT, unseen)
    model.path, model.manifest = "m", {"held_out": {"sha256": artifacts.digest(unseen)}}
    model.save()
    return model


def test_agreement_is_read_and_followed_to_the_items(
    open_page: Callable[..., Page], make_user: Callable[..., User], model: RewardModel, look: Callable,
    wait_until: Callable, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    # A worker that takes a moment: the page asks until the figures are there.
    monkeypatch.setattr(figures, "send", lambda *what: threading.Timer(0.5, figures.make, what).start())
    page = open_page(make_user("rita", Role.REVIEWER))
    page.goto("/insights/agreement/")
    expect(page.locator("#basis-notice")).to_contain_text("They cover 8 of 10 judged items")
    expect(page.locator(".kappa-row .name")).to_have_count(18)
    look(page, "agreement")
    page.get_by_label("Items").select_option("all")
    expect(page.locator("#basis-notice")).to_contain_text("In-sample results.")
    expect(page).to_have_url(re.compile("basis=all"))
    page.get_by_role("link", name="Clarity").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Clarity")
    expect(page.locator(".apart-grid li")).to_have_count(10)
    wait_until(lambda: page.evaluate(LOADED), "the pictures did not load")
    look(page, "agreement-items")
    page.get_by_role("link", name="Agreement").last.click()
    expect(page.locator("#basis-notice")).to_contain_text("In-sample results.")
