"""From pairs to a compared model on the platform: trained, generated, stored, scored, asked of people."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings as platform
from django.utils import timezone
from scipy.stats import binomtest

from annotator.accounts.models import Role, User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import HumanComparison
from annotator.campaigns.services import lease_next_pair, record_comparison
from annotator.core.errors import ConflictError, ProblemError
from annotator.generations.models import PromptSet, PromptSetMember
from annotator.jobs.models import Job
from annotator.jobs.services import JobRun, request_cancel
from annotator.library.models import Item, Prompt
from annotator.mpo import services
from annotator.mpo.models import ComparedItem, HumanVerdict, ModelComparison, MpoRun, PairSet
from annotator.mpo.queries import comparisons as queries
from annotator.mpo.services import comparison_job, comparisons
from annotator.mpo.services.verdicts import ask_people, sample_pairs
from annotator.rewards import judges
from annotator.rewards.models import RewardModel, Score
from tests.annotator.mpo.tuning import PROMPTS, SETTINGS, BrightJudge, make_pair_set
from tests.factories import make_prompt

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_machine")]

HELD_OUT_SHARE = 0.53  # with these texts two of five prompts
HELD_OUT = ("a red square", "the small disc right", "a blue disc left")


@pytest.fixture(autouse=True)
def bright_judge(monkeypatch: Any) -> None:
    monkeypatch.setattr(judges, "load", lambda model: BrightJudge(checklist_of(model.checklist_version)))
    monkeypatch.setattr(judges, "check", lambda model: None)


@pytest.fixture
def runs(pair_set_to_train_on: PairSet, files: Path, trained_once: dict[str, Path]) -> list[MpoRun]:
    """Two finished runs, MPO and total-reward DPO; really trained once a session."""
    total = make_pair_set(files, pair_set_to_train_on.reward_model, "By the total", level="total")
    made = []
    for name, pair_set, seed in (("MPO", pair_set_to_train_on, 0), ("Total", total, 1)):
        run = services.create_run(
            name=name, pair_set=pair_set, pipeline="tiny", held_out_share=HELD_OUT_SHARE,
            settings=SETTINGS | {"seed": seed, "sample_every": 0, "steps": 2},
        )  # fmt: skip
        if name in trained_once:
            shutil.rmtree(run.folder / "lora", ignore_errors=True)
            shutil.copytree(trained_once[name], run.folder, dirs_exist_ok=True)
            manifest = json.loads((run.folder / "manifest.json").read_text())
            MpoRun.objects.filter(pk=run.pk).update(manifest=manifest, finished_at=timezone.now())
            Job.objects.filter(pk=run.job_id).update(state="succeeded")
        else:
            services.run_training(str(run.job_id))
            kept = trained_once["root"] / name
            for part in ("lora", "manifest.json", "README.md", "metrics.jsonl"):
                source = run.folder / part
                kept.mkdir(parents=True, exist_ok=True)
                (shutil.copytree if source.is_dir() else shutil.copy)(source, kept / part)
            trained_once[name] = kept
        run.refresh_from_db()
        assert run.finished_at is not None, run.job.error
        made.append(run)
    return made


@pytest.fixture
def prompt_set(db: None) -> PromptSet:
    """Three prompts that nobody trained on, and one that was."""
    made = PromptSet.objects.create(name="New ones")
    for position, text in enumerate((*HELD_OUT, PROMPTS[1])):
        PromptSetMember.objects.create(prompt_set=made, prompt=make_prompt(text), position=position)
    return made


def compare(comparison: ModelComparison) -> ModelComparison:
    comparison_job.run_comparison(str(comparison.job_id))
    return queries.comparisons().get(pk=comparison.pk)


def ask(runs: list[MpoRun], **changes: Any) -> ModelComparison:
    return comparisons.create_comparison(**({"runs": runs, "per_prompt": 2, "seed": 1} | changes))


def test_runs_are_compared_with_their_start(runs: list[MpoRun], prompt_set: PromptSet) -> None:
    comparison = ask(runs, prompt_set=prompt_set)
    trained = PROMPTS[1] in services_trained(runs)
    assert comparison.left_out == int(trained)
    assert comparison.name == "MPO beside Total"
    assert comparison.sampling["steps"] == SETTINGS["sampling_steps"]
    comparison = compare(comparison)
    assert comparison.job.state == "succeeded", comparison.job.error
    prompts = len(comparison.prompts)
    made = comparison.made.all()
    assert made.count() == 3 * 2 * prompts
    rows = {(row.run_id, row.prompt_id, row.index): row for row in made.select_related("item__generator", "prompt")}
    for (_run, prompt, index), row in rows.items():
        assert row.seed == rows[None, prompt, index].seed
        assert row.item.prompt_id == prompt
        score = Score.objects.get(item=row.item, reward_model=comparison.reward_model)
        assert (score.reward, score.by_dimension) == (row.reward, row.by_dimension)
    versions = {row.run_id: row.item.generator.version for row in rows.values()}
    assert versions == {None: "", runs[0].pk: "MPO", runs[1].pk: "Total"}
    result = comparison.result
    assert (result["items"], result["prompts"]) == (2 * prompts, prompts)
    for told in result["models"]:
        own = [row for row in rows.values() if row.run_id == told["run"]]
        gains = [row.reward - rows[None, row.prompt_id, row.index].reward for row in own]
        assert told["reward"]["difference"] == pytest.approx(np.mean(gains))
        assert told["by_reward"]["win"] == pytest.approx(np.mean(np.array(gains) > 0))
        parts = sum(change["difference"] for change in told["dimensions"])
        assert parts == pytest.approx(told["reward"]["difference"])
        subs = sum(change["difference"] for change in told["sub_dimensions"])
        assert subs == pytest.approx(told["reward"]["difference"])
    assert [told["run"] for told in result["models"]] == [run.pk for run in runs]
    (between,) = result["between"]
    difference = result["models"][1]["reward"]["difference"] - result["models"][0]["reward"]["difference"]
    assert between["reward"]["difference"] == pytest.approx(difference)
    assert not comparison.folder.exists(), "all of it is in the library"
    comparison_job.run_comparison(str(comparison.job_id))  # a late message of the same job
    assert comparison.made.count() == made.count()


def services_trained(runs: list[MpoRun]) -> set[str]:
    from annotator.mpo.queries import trained_prompts

    return set().union(*(trained_prompts(run)[0] for run in runs))


def test_the_held_out_prompts_of_the_runs_are_the_default(runs: list[MpoRun]) -> None:
    comparison = ask(runs[:1])
    texts = set(Prompt.objects.filter(pk__in=comparison.prompts).values_list("text", flat=True))
    assert texts == set(PROMPTS) - services_trained(runs[:1])
    assert len(texts) == runs[0].held_out_prompts >= 2


def test_a_canceled_comparison_goes_on_with_what_lacks(
    runs: list[MpoRun], prompt_set: PromptSet, monkeypatch: Any
) -> None:
    comparison = ask(runs[:1], prompt_set=prompt_set, per_prompt=1)
    real = JobRun.progress

    def progress(held: JobRun, done: int, total: int | None = None) -> None:
        job = Job.objects.get(pk=held.job.pk)
        if job.stage == "Generating" and done > comparison.per_prompt * len(comparison.prompts):
            request_cancel(job=job)
            held._flush()
        real(held, done, total)

    monkeypatch.setattr(JobRun, "progress", progress)
    comparison_job.run_comparison(str(comparison.job_id))
    monkeypatch.undo()
    monkeypatch.setattr(judges, "load", lambda model: BrightJudge(checklist_of(model.checklist_version)))
    monkeypatch.setattr(judges, "check", lambda model: None)
    comparison.refresh_from_db()
    assert comparison.job.state == "canceled"
    assert not comparison.made.exists()
    before = {path: path.stat().st_mtime_ns for path in comparison.folder.rglob("*.png")}
    stored = Item.objects.count()
    assert before
    resumed = comparisons.resume_comparison(comparison=comparison)
    assert comparisons.resume_comparison(comparison=resumed).job_id == resumed.job_id
    done = compare(resumed)
    assert done.job.state == "succeeded", done.job.error
    assert Item.objects.count() > stored
    with pytest.raises(ConflictError):
        comparisons.resume_comparison(comparison=done)


def refused(runs: list[MpoRun], **changes: Any) -> tuple[str, str, str]:
    count = ModelComparison.objects.count()
    with pytest.raises(ProblemError) as caught:
        ask(runs, **changes)
    assert ModelComparison.objects.count() == count
    return str(caught.value.details.get("field")), caught.value.code, caught.value.message


def test_what_cannot_be_compared_is_refused_at_the_field(
    runs: list[MpoRun], prompt_set: PromptSet, monkeypatch: Any
) -> None:
    known = PromptSet.objects.create(name="Known")
    for position, text in enumerate(sorted(services_trained(runs))):
        PromptSetMember.objects.create(prompt_set=known, prompt=make_prompt(text), position=position)
    field, code, message = refused(runs, prompt_set=known)
    assert (field, code) == ("prompt_set", "too_few_prompts")
    assert "were trained on" in message
    assert refused([])[0] == "runs"
    assert refused(runs, prompt_set=prompt_set, per_prompt=0)[0] == "per_prompt"
    assert refused(runs, prompt_set=prompt_set, tie_margin=float("inf"))[0] == "tie_margin"
    assert refused(runs, prompt_set=prompt_set, sampling={"width": 15})[0] == "width"
    assert refused(runs, prompt_set=prompt_set, sampling={"steps": 0})[0] == "steps"
    ask(runs, prompt_set=prompt_set, name="Taken")
    assert refused(runs, prompt_set=prompt_set, name="Taken")[:2] == ("name", "name_taken")
    monkeypatch.setattr(comparisons, "MOST_ITEMS", 5)
    assert refused(runs, prompt_set=prompt_set)[0] == "per_prompt"
    monkeypatch.undo()
    assert refused(runs, prompt_set=prompt_set)[:2] == ("reward_model", "artifact")  # its files were never there
    RewardModel.objects.update(state="candidate")
    assert refused(runs, prompt_set=prompt_set)[:2] == ("reward_model", "no_model")
    MpoRun.objects.filter(pk=runs[1].pk).update(pipeline_fingerprint="another")
    runs[1].refresh_from_db()
    assert refused(runs, prompt_set=prompt_set)[:2] == ("runs", "other_start")
    weights = runs[0].folder / "lora" / "pytorch_lora_weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    assert refused(runs[:1], prompt_set=prompt_set)[:2] == ("runs", "file_missing")
    MpoRun.objects.filter(pk=runs[0].pk).update(finished_at=None)
    runs[0].refresh_from_db()
    assert refused(runs[:1], prompt_set=prompt_set)[:2] == ("runs", "unfinished")


def test_a_changed_pipeline_is_not_compared(runs: list[MpoRun], prompt_set: PromptSet) -> None:
    waiting = ask(runs, prompt_set=prompt_set)
    config = platform.PIPELINE_ROOTS[0] / "tiny" / "unet" / "config.json"
    config.write_text(config.read_text() + " ")
    assert refused(runs, prompt_set=prompt_set)[:2] == ("runs", "pipeline_changed")
    failed = compare(waiting)
    assert failed.job.state == "failed"
    assert "has changed since" in failed.job.error


def test_an_item_that_cannot_be_scored_ends_the_comparison_in_words(
    runs: list[MpoRun], prompt_set: PromptSet, monkeypatch: Any
) -> None:
    from reward_engine.judges.base import Predictions

    def predict(self: Any, items: Any, **_: Any) -> Predictions:
        none = np.zeros((0, len(self.checklist.questions)), dtype=np.float32)
        return Predictions((), none, {item.key: "it is broken" for item in items})

    monkeypatch.setattr(BrightJudge, "predict", predict)
    failed = compare(ask(runs, prompt_set=prompt_set))
    assert failed.job.state == "failed"
    assert "could not be scored" in failed.job.error
    assert "it is broken" in failed.job.error


# --- People ---------------------------------------------------------------------------------------


@pytest.fixture
def compared(runs: list[MpoRun], prompt_set: PromptSet) -> ModelComparison:
    """A finished comparison of the first run: three prompts with two items each, of which the run's are brighter."""
    from tests.factories import make_generator, make_item

    comparison = ModelComparison.objects.create(
        name="Done", reward_model=runs[0].pair_set.reward_model, per_prompt=2, path="mpo/comparisons/none",
        prompts=[make_prompt(text).pk for text in HELD_OUT], finished_at=timezone.now(), result={},
    )  # fmt: skip
    comparison.runs.set(runs[:1])
    for number, text in enumerate(HELD_OUT):
        for index in range(2):
            for run in (None, runs[0]):
                item = make_item(
                    prompt=make_prompt(text), generator=make_generator("tiny", run.name if run else ""),
                    seed=1000 * number + 10 * index + bool(run),
                )  # fmt: skip
                ComparedItem.objects.create(
                    comparison=comparison, run=run, prompt=item.prompt, index=index, seed=index, item=item,
                    reward=1.0 if run and number < 2 else 0.0 if run else 0.5, by_dimension=[],
                )  # fmt: skip
    return comparison


def test_people_compare_a_blind_sample(compared: ModelComparison, make_user: Callable[..., User]) -> None:
    run = compared.runs.get()
    sample = sample_pairs(compared, run, 3, seed=0)
    assert len({first.prompt_id for first, _ in sample}) == 3, "a prompt each before a second of any"
    assert sample_pairs(compared, run, 3, seed=0) == sample
    verdict = ask_people(comparison=compared, run=run, pairs=5, overlap=2, seed=0)
    campaign = verdict.campaign
    assert (campaign.state, campaign.overlap, campaign.pairs.count()) == ("open", 2, 5)
    assert run.name not in campaign.name + campaign.guidelines
    with pytest.raises(ConflictError, match="already"):
        ask_people(comparison=compared, run=run)
    nothing = queries.verdict_of(verdict)
    assert (nothing.compared, nothing.preferred.value, nothing.words) == (0, None, "unclear")

    people = [make_user(name, Role.ANNOTATOR) for name in ("ann", "ben")]
    tuned = set(compared.made.filter(run=run).values_list("item", flat=True))
    bad_prompt = compared.prompts[2]
    for person in people:
        while (turn := lease_next_pair(campaign=campaign, annotator=person)) is not None:
            # They prefer the run's item of the first two prompts, and see no difference in the third.
            left = turn.left.pk in tuned
            word = "tie" if turn.left.prompt_id == bad_prompt else "left" if left else "right"
            record_comparison(token=turn.token, annotator=person, preference=word)
    assert HumanComparison.objects.filter(preference="left").exists()
    assert HumanComparison.objects.filter(preference="right").exists(), "sides are random"
    said = queries.verdict_of(verdict)
    of_third = sum(pair.first.prompt_id == bad_prompt for pair in campaign.pairs.all())
    assert (said.pairs, said.compared, said.answers, said.needed) == (5, 5, 10, 10)
    assert (said.win.count, said.tie.count, said.lose.count) == (5 - of_third, of_third, 0)
    assert said.preferred.value == 1.0
    assert (said.model_win.count, said.model_lose.count) == (5 - of_third, of_third)
    assert (said.agreement.count, said.agreement.of) == (5 - of_third, 5 - of_third)


def test_who_cannot_be_asked(compared: ModelComparison, runs: list[MpoRun]) -> None:
    run = compared.runs.get()
    with pytest.raises(ProblemError, match="not part of"):
        ask_people(comparison=compared, run=runs[1])
    for changes, field in (({"pairs": 0}, "pairs"), ({"overlap": 0}, "overlap")):
        with pytest.raises(ProblemError) as caught:
            ask_people(comparison=compared, run=run, **changes)
        assert caught.value.details["field"] == field
    for row in compared.made.filter(run=run).select_related("item"):
        start = compared.made.get(run=None, prompt=row.prompt, index=row.index)
        Item.objects.filter(pk=row.item_id).update(sha256=start.item.sha256)
    with pytest.raises(ProblemError, match="exactly the same images"):
        ask_people(comparison=compared, run=run)
    compared.finished_at = None
    compared.save()
    with pytest.raises(ConflictError, match="not finished"):
        ask_people(comparison=compared, run=run)
    assert not HumanVerdict.objects.exists()


@pytest.mark.parametrize(("count", "of"), [(0, 5), (5, 5), (37, 50), (1, 1)])
def test_the_interval_is_wilson_s(count: int, of: int) -> None:
    share = queries.wilson(count, of)
    expected = binomtest(count, of).proportion_ci(method="wilson")
    assert (share.low, share.high) == pytest.approx((expected.low, expected.high), abs=1e-6)
    assert queries.wilson(0, 0).value is None
