"""From prompts to scored pictures in the browser: imported, asked for with an estimate, watched, looked at."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from annotator.accounts.models import Role, User
from annotator.generations.models import GenerationSet
from annotator.generations.services import run_generation
from annotator.jobs.models import Job
from annotator.library.models import Item
from tests.annotator.generations.generating import save_pipelines
from tests.factories import make_reward_model, make_score

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 30_000  # ms, for what a busy machine has to count or to ask for again
LOADED = """[...document.querySelectorAll('.generated img')].every((i) => {
  i.loading = 'eager';
  return i.complete && i.naturalWidth;
})"""
PROMPTS = (
    "a red disc\nthe dark square left\n\n"
    "a small blue disc at the bottom, on an old wooden table, late light\na red disc"
)


def test_from_prompts_to_scored_pictures(
    open_page: Callable[..., Page],
    make_user: Callable[..., User],
    files: Path,
    settings: object,
    look: Callable,
    wait_until: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("reward_engine.mpo.estimate.measured_flops", lambda *args, **options: 1e11)
    settings.PIPELINE_ROOTS = [files / "pipelines"]  # type: ignore[attr-defined]
    save_pipelines(files / "pipelines")
    model = make_reward_model()
    # The refused form is answered with 422, which the browser writes into its console.
    page = open_page(make_user("root", Role.ADMIN), strict=False)

    page.goto("/mpo/prompt-sets/")
    page.get_by_role("link", name="New prompt set").first.click()
    page.get_by_label("Name").fill("Shapes")
    page.get_by_label("Description (optional)").fill("Simple scenes, to see whether colors are kept apart")
    page.get_by_label("Prompts, one per line").fill(PROMPTS + "\n" + "x" * 2100)
    page.get_by_role("button", name="Create prompt set").click()
    expect(page.get_by_text("1 row cannot be used; nothing was added")).to_be_visible()
    look(page, "prompt-set-create")
    page.get_by_label("Leave out rows that cannot be used").check()
    page.get_by_role("button", name="Create prompt set").click()
    expect(
        page.get_by_text("3 prompts. 1 repeated prompt was left out (row 5). 1 empty row was left out (row 3).")
    ).to_be_visible()
    look(page, "prompt-set")

    page.get_by_role("link", name="Generate").click()
    page.get_by_role("combobox", name="Pipeline").fill("shapes")
    page.get_by_label("Width").fill("33")
    page.get_by_label("Height").fill("32")
    page.get_by_label("Steps").fill("2")
    expect(page.get_by_text("a width of 33 is none")).to_be_visible(timeout=PATIENCE)
    page.get_by_label("Width").fill("32")
    page.get_by_label("Items per prompt").fill("4")
    page.get_by_label("Items per prompt").blur()
    estimate = page.locator("#estimate")
    expect(estimate.get_by_text("12 images")).to_be_visible(timeout=PATIENCE)
    expect(estimate.get_by_text("32 × 32")).to_be_visible()
    look(page, "generate")
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_text("waiting for a worker")).to_be_visible()

    run_generation(str(GenerationSet.objects.get().job_id))  # what the worker does
    expect(page.locator(".generated img")).to_have_count(12, timeout=PATIENCE)
    expect(page.get_by_text("is scoring them")).to_be_visible()
    rng = np.random.default_rng(1)
    for item in Item.objects.order_by("pk"):
        make_score(model, item, rng.uniform(0.1, 0.9))
    Job.objects.filter(kind="rewards.score").update(state="succeeded")
    expect(page.get_by_role("link", name="Mine pairs from these")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".generated strong")).to_have_count(12, timeout=PATIENCE)
    wait_until(lambda: page.evaluate(LOADED), "the pictures did not load")
    look(page, "generation")
    page.get_by_role("link", name="Generations").first.click()
    expect(page.get_by_text("Complete")).to_be_visible()
    look(page, "generations")
    page.go_back()
    page.get_by_role("link", name="Mine pairs from these").click()
    expect(page.get_by_label("Which items")).to_have_value(f"generation_set:{GenerationSet.objects.get().pk}")
    page.go_back()
    page.get_by_role("link", name="Scores", exact=True).last.click()
    expect(page.locator(".ranking li")).to_have_count(12)
    page.goto("/mpo/prompt-sets/")
    look(page, "prompt-sets")
