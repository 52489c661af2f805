"""A run in the browser: asked for by a form that tells what it takes, watched, downloaded, compared, asked about."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import Page, expect

from annotator.accounts.models import Role, User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.services import lease_next_pair, record_comparison
from annotator.generations.models import PromptSet, PromptSetMember
from annotator.jobs.devices import WORKER
from annotator.mpo.models import HumanVerdict, ModelComparison, MpoRun, PairSet
from annotator.mpo.services.comparison_job import run_comparison
from annotator.mpo.services.training import run_training
from annotator.rewards import judges
from tests.annotator.mpo.tuning import SETTINGS, BrightJudge, fake_comparison, make_pair_set, put_pipeline
from tests.factories import make_prompt

pytestmark = pytest.mark.django_db(transaction=True)

LOADED = """[...document.querySelectorAll('.grids img:not([hidden]), .compared img')].every((i) => {
  i.loading = 'eager';
  return i.complete && i.naturalWidth;
})"""


def test_a_run_from_the_form_to_the_comparison(
    open_page: Callable[..., Page], make_user: Callable[..., User], files: Path, look: Callable, settings: Any,
    wait_until: Callable, monkeypatch: Any, tmp_path: Path,
) -> None:  # fmt: skip
    cache.delete(WORKER)  # other tests' jobs have measured this machine
    settings.PIPELINE_ROOTS = [files / "pipelines"]
    put_pipeline(tmp_path / "once")
    pairs = make_pair_set(files, name="Bright ones, by dimension")
    monkeypatch.setattr(judges, "load", lambda model: BrightJudge(checklist_of(model.checklist_version)))
    monkeypatch.setattr(judges, "check", lambda model: None)

    # --- asked for ---
    page = open_page(make_user("root", Role.ADMIN))
    page.goto(f"/mpo/{pairs.pk}/")
    page.get_by_role("link", name="Train on these pairs").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("New run")
    page.get_by_label("Pipeline").fill("tiny")
    page.get_by_label("Pipeline").blur()
    expect(page.get_by_text("defaults for Stable Diffusion 1.x/2.x")).to_be_visible()
    expect(page.get_by_text("of memory")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("NVIDIA H100")).to_be_visible()
    look(page, "run-new")
    page.get_by_text("Advanced settings").click()
    for name, value in SETTINGS.items():
        box = page.locator(f"[name={name}]")
        if name == "precision":
            box.select_option(value)
        elif isinstance(value, bool):
            box.set_checked(value)
        else:
            box.fill(f"{value}")
    page.get_by_label("Share of prompts held out").fill("0.2")
    page.get_by_label("Name (optional)").fill("Brighter in everything")
    expect(page.get_by_text("NVIDIA H100")).to_have_count(0)
    page.get_by_role("button", name="Start run").click()

    # --- watched ---
    expect(page.get_by_role("heading", level=1)).to_have_text("Brighter in everything")
    expect(page.get_by_text("Queued")).to_be_visible()
    run = MpoRun.objects.get()
    run_training(str(run.job_id))  # what the worker does
    expect(page.get_by_text("Finished", exact=True)).to_be_visible()
    expect(page.locator(".line-chart")).to_have_count(3)
    figures = page.locator(".grids figure:visible")
    expect(figures).to_have_count(1)
    expect(figures).to_contain_text("after step 6")
    page.get_by_label("Step", exact=True).fill("0")
    expect(figures).to_contain_text("before training")
    page.get_by_label("Step", exact=True).fill("1")
    page.get_by_role("button", name="Side by side with step 0").click()
    expect(figures).to_have_count(2)
    wait_until(lambda: page.evaluate(LOADED), "the grids did not load")
    with page.expect_download() as download:
        page.get_by_role("link", name="ZIP").click()
    archive = zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes()))
    assert json.loads(archive.read("brighter-in-everything/manifest.json"))["kind"] == "mpo-lora"

    # --- compared ---
    prompts = PromptSet.objects.create(name="New ones")
    for position, text in enumerate(("a red square", "the small disc right")):
        PromptSetMember.objects.create(prompt_set=prompts, prompt=make_prompt(text), position=position)
    page.get_by_role("link", name="Compare with the reference model").click()
    expect(page.get_by_label("Brighter in everything")).to_be_checked()
    page.get_by_label("Prompts", exact=True).select_option("New ones (2)")
    page.get_by_label("Items per prompt").fill("2")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_role("button", name="Cancel comparison")).to_be_visible()
    made = ModelComparison.objects.get()
    run_comparison(str(made.job_id))
    expect(page.get_by_role("heading", name="Change by dimension")).to_be_visible()
    expect(page.locator(".compared")).to_have_count(4)


def test_a_pipeline_named_before_the_scripts_have_come(
    open_page: Callable[..., Page], make_user: Callable[..., User], files: Path, settings: Any,
    before_scripts: Callable, tmp_path: Path,
) -> None:  # fmt: skip
    settings.PIPELINE_ROOTS = [files / "pipelines"]
    put_pipeline(tmp_path / "once")
    pairs = make_pair_set(files)
    page = open_page(make_user("root", Role.ADMIN))
    with before_scripts(page, f"/mpo/runs/new/?pairs={pairs.pk}"):
        page.get_by_label("Pipeline").fill("tiny")
        page.get_by_label("Pipeline").blur()
    expect(page.get_by_text("defaults for Stable Diffusion 1.x/2.x")).to_be_visible()


def test_the_pages_of_a_long_run_and_of_an_answer(
    open_page: Callable[..., Page], make_user: Callable[..., User], files: Path, look: Callable, settings: Any,
    wait_until: Callable,
) -> None:  # fmt: skip
    from PIL import Image

    pairs = make_pair_set(files)
    total = PairSet.objects.create(
        name="Bright ones, by the total reward", reward_model=pairs.reward_model, options={"level": "total"},
        ready_at=timezone.now(), pairs_count=10,
    )  # fmt: skip
    runs = []
    for name, pair_set in (("MPO on bright ones", pairs), ("Total-reward DPO on bright ones", total)):
        run = MpoRun.objects.create(
            name=name, pair_set=pair_set, pipeline="sd-xl/base-1.0", pipeline_class="StableDiffusionXLPipeline",
            settings=SETTINGS | {"steps": 2000}, path=f"mpo/runs/{pair_set.pk}", trained_pairs=41_230,
            held_out_pairs=256, trained_prompts=2900, held_out_prompts=310, pipeline_fingerprint="one",
        )  # fmt: skip
        _write_curves(run, 1460)
        runs.append(run)
    for step in (0, 500, 1000):
        picture = Image.linear_gradient("L").resize((420, 210)).rotate(step / 10)
        place = runs[0].folder / "samples" / f"step-{step:08d}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        picture.save(place)
    (runs[0].folder / "pairs.jsonl").write_text(
        "".join(json.dumps({"prompt": text, "held_out": True}) + "\n" for text in ("A kite over the sea", "An old man"))
    )
    page = open_page(make_user("root", Role.ADMIN))
    page.goto(f"/mpo/runs/{runs[0].pk}/")
    wait_until(lambda: page.evaluate(LOADED), "the grids did not load")
    look(page, "run")
    page.goto("/mpo/runs/")

    MpoRun.objects.update(finished_at=timezone.now())
    comparison = fake_comparison(runs)
    page.goto(f"/mpo/comparisons/{comparison.pk}/")
    expect(page.get_by_text("Over-optimized.")).to_be_visible()
    asked = page.locator("#people article", has_text="MPO on bright ones")
    asked.get_by_label("Pairs").fill("2")
    asked.get_by_label("Annotators per pair").fill("1")
    asked.get_by_role("button", name="Ask annotators").click()
    expect(page.get_by_text("is open to annotators")).to_be_visible()
    ann = make_user("ann", Role.ANNOTATOR)
    campaign = HumanVerdict.objects.get().campaign
    tuned = set(comparison.made.filter(run=runs[0]).values_list("item", flat=True))
    while (turn := lease_next_pair(campaign=campaign, annotator=ann)) is not None:
        word = "left" if turn.left.pk in tuned else "right"
        record_comparison(token=turn.token, annotator=ann, preference=word)
    page.reload()
    expect(page.get_by_text("prefer it to the reference model")).to_be_visible()
    wait_until(lambda: page.evaluate(LOADED), "the pictures did not load")
    look(page, "comparison")
    page.get_by_text("By sub-dimension").click()
    expect(page.locator(".table.changes")).to_have_count(7)
    page.get_by_role("combobox", name="Order").select_option("gain")
    expect(page.locator(".compared").first).to_contain_text("a blue square")
    page.goto("/mpo/comparisons/")
    expect(page.get_by_text("over-optimized")).to_be_visible()


def _write_curves(run: MpoRun, steps: int) -> None:
    """Curves as of a run that learns."""
    import numpy as np

    rng = np.random.default_rng(run.pk)
    lines = []
    for step in range(1, steps + 1):
        learned = 1 - np.exp(-step / 500)
        line = {
            "step": step, "loss": 0.693 - 0.12 * learned + 0.03 * rng.normal(),
            "accuracy": float(np.clip(0.5 + 0.22 * learned + 0.06 * rng.normal(), 0, 1)),
            "margin": 0.6 * learned + 0.15 * rng.normal(), "seconds": 1.9, "memory_bytes": 21_400_000_000,
        }  # fmt: skip
        if step % 100 == 0:
            line |= {"held_out_accuracy": 0.5 + 0.17 * learned, "held_out_margin": 0.42 * learned}
        lines.append(json.dumps(line))
    run.folder.mkdir(parents=True)
    (run.folder / "metrics.jsonl").write_text("\n".join(lines) + "\n")
