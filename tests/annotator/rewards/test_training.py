"""Training: what it makes, what it refuses, and that it makes it once."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotator.accounts.models import Role, User
from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Campaign
from annotator.core.disk import DiskFullError
from annotator.core.errors import ProblemError
from annotator.core.texts import in_this_language
from annotator.jobs.models import Job, JobState
from annotator.jobs.services import JobCanceled, JobLost, claim, request_cancel, run_job
from annotator.library.models import Item
from annotator.library.storage import original_path
from annotator.rewards import judges, services
from annotator.rewards.models import RewardModel, RewardModelEvent, Snapshot
from annotator.rewards.services import artifacts, snapshots, training_job
from reward_engine.answers import to_answers
from tests.annotator.rewards.held_out import replace_held_out

pytestmark = pytest.mark.django_db


def model_folders(settings: Any) -> list[str]:
    return sorted(path.name for path in (settings.ARTIFACT_ROOT / "models").glob("*/*"))


def snapshot_of(campaign: Campaign) -> Snapshot:
    return snapshots.record(snapshots.freeze([campaign], "majority"))


def test_a_snapshot_freezes_what_people_agree_on(judged: Campaign, pictures: list[Item]) -> None:
    snapshot = snapshot_of(judged)
    assert (snapshot.items, snapshot.prompts, snapshot.judgments) == (32, 8, 320)
    assert snapshot.campaigns.get() == judged
    data = artifacts.read_snapshot(snapshot)
    assert data["items"].tolist() == [item.pk for item in pictures]
    assert data["levels"].dtype == np.int8
    assert data["levels"][:, 3].tolist() == [item.extra["truth"]["lighting"] for item in pictures]
    assert (data["support"] == 2).all()


def test_a_reviewers_decision_and_a_put_aside_annotation_reach_the_snapshot(
    judged: Campaign, pictures: list[Item], make_user: Callable[..., User]
) -> None:
    from annotator.trust.models import Adjudication

    item = judged.campaign_items.get(item=pictures[0])
    Adjudication.objects.create(
        campaign_item=item, sub_dimension="clarity", level=1, adjudicator=make_user("rita", Role.REVIEWER)
    )
    item.assignments.filter(annotator__username="ben").update(counted=False)
    snapshot = snapshots.record(snapshots.freeze([judged], "reliability"))
    data = artifacts.read_snapshot(snapshot)
    assert snapshot.consensus == "reliability"
    assert (data["levels"][0, 0], data["adjudicated"][0, 0], data["support"][0, 0]) == (1, True, 1)
    assert data["adjudicated"].sum() == 1


def test_the_same_judgments_are_the_same_file(judged: Campaign, settings: Any) -> None:
    first, second = (snapshot_of(judged) for _ in range(2))
    assert (first.path, first.sha256) == (second.path, second.sha256)
    assert len(list((settings.ARTIFACT_ROOT / "snapshots").iterdir())) == 1


def test_an_altered_snapshot_is_refused(judged: Campaign) -> None:
    snapshot = snapshot_of(judged)
    path = artifacts.root() / snapshot.path
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ProblemError, match="was altered"):
        artifacts.read_snapshot(snapshot)
    path.unlink()
    with pytest.raises(ProblemError, match="is missing"):
        artifacts.read_snapshot(snapshot)


def test_a_trained_version_is_measured_saved_and_described(trained: RewardModel, judged: Campaign) -> None:
    assert (trained.version, trained.state, trained.judge) == (1, "promoted", "probe")
    clarity, lighting = (trained.metrics["sub_dimensions"][id] for id in ("clarity", "lighting"))
    assert clarity["n"] == 32, "every prompt is held out once"
    assert clarity["accuracy"] > clarity["baseline_accuracy"] + 0.15
    assert clarity["log_loss"] < clarity["baseline_log_loss"]
    assert clarity["correlation"] > 0.7
    assert lighting["accuracy"] > lighting["baseline_accuracy"] + 0.15
    assert 0.8 < clarity["people"] < 1
    folder = artifacts.root() / trained.path
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["data"] == {
        "snapshot": trained.snapshot_id, "sha256": trained.snapshot.sha256, "consensus": "majority",
        "campaigns": [judged.name], "items": 32, "prompts": 8, "judgments": 320, "left_out": 0, "left_out_items": {},
    }  # fmt: skip
    assert manifest["checklist"]["content_hash"] == judged.checklist_version.content_hash
    assert manifest["metrics"] == trained.metrics
    judge = judges.load(trained)
    assert judge.weights.coef.tolist() == trained.weights
    held_out = artifacts.read_held_out(trained)
    assert held_out["p_yes"].shape == (32, len(trained.weights))
    assert [event.action for event in trained.events.order_by("pk")] == ["trained", "promoted"]


def test_no_prompt_is_on_both_sides(judged: Campaign, settings: Any, run_here: Callable) -> None:
    settings.VALIDATION_FOLDS = 1
    model = RewardModel.objects.get(
        pk=run_here(services.request_training(campaigns=[judged], score_after=False))["reward_model"]
    )
    held = set(artifacts.read_held_out(model)["items"].tolist())
    prompts = dict(Item.objects.values_list("pk", "prompt_id"))
    assert 0 < len(held) < 32
    assert {prompts[pk] for pk in held}.isdisjoint(prompts[pk] for pk in prompts if pk not in held)


def test_a_file_that_cannot_be_read_is_left_out_and_said(
    judged: Campaign, pictures: list[Item], run_here: Callable
) -> None:
    original_path(pictures[5]).write_bytes(b"not a picture")
    result = run_here(services.request_training(campaigns=[judged], score_after=False))
    assert "1 item that could not be read was left out." in in_this_language(result["message"])
    model = RewardModel.objects.get()
    assert model.manifest["data"]["left_out"] == 1
    assert list(model.manifest["data"]["left_out_items"]) == [str(pictures[5].pk)]
    assert pictures[5].pk not in artifacts.read_held_out(model)["items"]


def test_too_few_judgments_are_refused_in_words(
    pictures: list[Item], open_small: Callable, make_user: Callable[..., User], annotate: Callable,
    run_here: Callable, settings: Any,
) -> None:  # fmt: skip
    campaign = open_small(pictures)
    annotate(campaign, make_user("ann"), items=pictures[:4])
    with pytest.raises(ProblemError, match="4 items of 1 prompts; training needs at least 8 items of 4 prompts"):
        run_here(services.request_training(campaigns=[campaign]))
    assert not RewardModel.objects.exists()
    assert model_folders(settings) == []


def test_a_campaign_without_annotations_is_refused_in_words(
    pictures: list[Item], open_small: Callable, run_here: Callable
) -> None:
    with pytest.raises(ProblemError, match="No annotations have been submitted in “Clear and lit” yet"):
        run_here(services.request_training(campaigns=[open_small(pictures)]))
    assert not Snapshot.objects.exists()


def test_mixed_checklists_are_refused(pictures: list[Item], open_small: Callable) -> None:
    campaigns = [open_small(pictures), open_small(pictures, "Another", text="other words")]
    with pytest.raises(ProblemError, match="different checklist versions"):
        services.request_training(campaigns=campaigns)
    with pytest.raises(ProblemError, match="different checklist versions"):
        snapshots.freeze(campaigns, "majority")
    with pytest.raises(ProblemError, match="at least one campaign"):
        services.request_training(campaigns=[])
    with pytest.raises(ProblemError, match="Choose majority or reliability"):
        services.request_training(campaigns=campaigns[:1], consensus="loudest")
    assert not Job.objects.exists()


def test_asking_twice_is_asking_once(judged: Campaign) -> None:
    first = services.request_training(campaigns=[judged])
    assert services.request_training(campaigns=[judged]) == first
    assert services.request_training(campaigns=[judged], seed=1) != first
    assert (first.kind, first.queue) == ("rewards.train", "gpu")


def test_a_second_version_waits_unless_it_passes_the_gate(
    trained: RewardModel, judged: Campaign, run_here: Callable
) -> None:
    held_out = artifacts.root() / trained.path / artifacts.HELD_OUT
    before, manifest = held_out.read_bytes(), dict(trained.manifest)
    answers = to_answers(checklist_of(trained.checklist_version), artifacts.read_held_out(trained)["levels"])
    sure = np.clip(0.5 + 0.5 * answers, 0.001, 0.999).astype(np.float32)  # the standing one is as good as can be
    replace_held_out(trained, {**artifacts.read_held_out(trained), "calibrated": sure})
    result = run_here(services.request_training(campaigns=[judged], promote=True, score_after=False))
    second = RewardModel.objects.get(version=2)
    assert second.state == "candidate"
    assert "stays a candidate. It is not as good. On the 32 items of 8 prompts" in in_this_language(result["message"])
    assert second.gate["how"] == "items"
    assert second.gate["asked"] is True
    held_out.write_bytes(before)
    RewardModel.objects.filter(pk=trained.pk).update(manifest=manifest)
    run_here(services.request_training(campaigns=[judged], promote=True, score_after=False))
    states = dict(RewardModel.objects.values_list("version", "state"))
    assert states == {1: "retired", 2: "candidate", 3: "promoted"}
    assert "at least as good" in RewardModelEvent.objects.get(reward_model__version=3, action="promoted").note


def test_scoring_is_asked_for_with_the_version(judged: Campaign, run_here: Callable, make_user: Callable) -> None:
    admin = make_user("root", Role.ADMIN)
    result = run_here(services.request_training(campaigns=[judged], mine_after=True, requested_by=admin))
    job = Job.objects.get(kind="rewards.score")
    assert job.params == {"reward_model": result["reward_model"], "mine_after": True}
    assert job.requested_by == admin


# --- Killed and taken up again ----------------------------------------------------------------------


def lose(job: Job) -> None:
    """The worker died: the sweep has put the job back."""
    Job.objects.filter(pk=job.pk).update(state=JobState.QUEUED, run_token=None)


def test_a_run_that_lost_the_job_makes_nothing(
    judged: Campaign, monkeypatch: pytest.MonkeyPatch, settings: Any, run_here: Callable
) -> None:
    job = services.request_training(campaigns=[judged])
    slow = claim(str(job.pk))
    write = artifacts.write_file

    def meanwhile(path: Path, content: bytes) -> None:
        write(path, content)
        if path.name == artifacts.HELD_OUT:
            lose(job)

    monkeypatch.setattr(artifacts, "write_file", meanwhile)
    with pytest.raises(JobLost):
        training_job.train(slow)
    monkeypatch.setattr(artifacts, "write_file", write)
    assert not RewardModel.objects.exists()
    assert model_folders(settings) == []
    run_here(job)
    assert RewardModel.objects.get().version == 1
    assert Snapshot.objects.count() == 1, "the second attempt trains on the snapshot of the first"
    assert Job.objects.filter(kind="rewards.score").count() == 1


def test_what_a_killed_attempt_left_is_taken_away(judged: Campaign, settings: Any, run_here: Callable) -> None:
    job = services.request_training(campaigns=[judged], score_after=False)
    images = settings.ARTIFACT_ROOT / "models" / "image"
    for name in (f"{job.pk}-7", f".{job.pk}-8.4242-0badcafe", "kept-by-hand"):
        (images / name).mkdir(parents=True)
        (images / name / "heads.safetensors").write_bytes(b"half")
    other = Job.objects.create(kind="rewards.train", title="another", state=JobState.RUNNING)
    (images / f"{other.pk}-1").mkdir()
    run_here(job)
    assert model_folders(settings) == sorted([f"{job.pk}-1", f"{other.pk}-1", "kept-by-hand"])
    Job.objects.filter(pk=other.pk).update(state=JobState.FAILED)
    artifacts.clean()
    assert model_folders(settings) == sorted([f"{job.pk}-1", "kept-by-hand"])
    judges.load(RewardModel.objects.get())


def test_full_disk_ends_a_training_leaves_nothing_and_is_named(
    judged: Campaign, settings: Any, run_here: Callable, room: Callable[[int], Any]
) -> None:
    job = services.request_training(campaigns=[judged], score_after=False)
    with room(2_000):
        run_job(str(job.pk), services.train)
    job.refresh_from_db()
    assert (job.state, job.error) == (JobState.FAILED, DiskFullError().message)
    assert not RewardModel.objects.exists()
    artifacts.clean()
    assert model_folders(settings) == []
    run_here(services.request_training(campaigns=[judged], score_after=False))
    judges.load(RewardModel.objects.get())


def test_a_job_killed_behind_its_commit_says_what_was_made(judged: Campaign, run_here: Callable) -> None:
    job = services.request_training(campaigns=[judged], score_after=True)
    first = run_here(job)
    lose(job)
    assert run_here(job) == first
    assert RewardModel.objects.count() == Job.objects.filter(kind="rewards.score").count() == 1


def test_a_canceled_training_leaves_nothing(judged: Campaign, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    job = services.request_training(campaigns=[judged])
    run = claim(str(job.pk))
    stage = run.stage

    def cancel_at(name: str, total: int | None = None) -> None:
        if name == "Fitting the heads":
            request_cancel(job=job)
        stage(name, total)

    monkeypatch.setattr(run, "stage", cancel_at)
    with pytest.raises(JobCanceled):
        training_job.train(run)
    assert not RewardModel.objects.exists()
    assert model_folders(settings) == []
