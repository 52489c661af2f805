"""The vision-language judge on the platform: measured as it is, trained in processes, loaded, gone on from."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from annotator.accounts.models import Role, User
from annotator.campaigns.models import Campaign
from annotator.core.errors import ConflictError, ProblemError
from annotator.jobs.models import Job, JobState
from annotator.jobs.services import JobCanceled, JobRun, claim, request_cancel
from annotator.rewards import judges, services
from annotator.rewards.judges.vlm import process
from annotator.rewards.judges.vlm.work import clean, folder_of
from annotator.rewards.models import BaseModel, RewardModel, Score
from annotator.rewards.services import artifacts
from reward_engine.judges.vlm import VLMJudge
from reward_engine.training.vlm import session

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(judged: Campaign) -> Callable[..., Job]:
    def request(settings: dict[str, Any], **more: Any) -> Job:
        given = {"campaigns": [judged], "score_after": False, "judge": "vlm", "settings": settings, **more}
        return services.request_training(**given)

    return request


@pytest.fixture
def tuned(ask: Callable[..., Job], quick: Callable[..., dict[str, Any]], run_here: Callable[[Job], Any]) -> RewardModel:
    return RewardModel.objects.get(pk=run_here(ask(quick(), promote=True))["reward_model"])


def test_a_fine_tuned_version_is_trained_promoted_loaded_and_scores(
    tuned: RewardModel, run_here: Callable[[Job], Any], make_user: Callable[..., User], client: Client, tmp_path: Path
) -> None:
    assert (tuned.judge, tuned.state, tuned.base.name) == ("vlm", "promoted", "tiny-llava")
    assert tuned.metrics["cost"]["seconds_per_item"] > 0
    assert tuned.manifest["settings"]["rank"] == 4
    held_out = artifacts.read_held_out(tuned)
    assert held_out["p_yes"].shape == held_out["calibrated"].shape
    run_here(services.request_scoring(reward_model=tuned))
    scores = {score.item_id: score.p_yes for score in Score.objects.filter(reward_model=tuned)}
    assert len(scores) == 32
    rows = [row for row, pk in enumerate(held_out["items"].tolist()) if pk in scores]
    said = np.array([scores[int(held_out["items"][row])] for row in rows])
    whole = tuned.manifest.get("calibration")
    if whole is None:  # then scores are what was measured on held-out prompts
        np.testing.assert_allclose(said, held_out["p_yes"][rows], atol=1e-3)

    client.force_login(make_user("ada", Role.ADMIN))
    page = client.get(reverse("rewards:model", args=[tuned.pk]))
    assert b"tiny-llava" in page.content
    response = client.get(reverse("rewards:model-file", args=[tuned.pk, "all.zip"]))
    archive = zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))
    archive.extractall(tmp_path / "taken")
    names = archive.namelist()
    assert any("tfevents" in name for name in names)
    stem = names[0].partition("/")[0]
    elsewhere = VLMJudge.load(tmp_path / "taken" / stem / "adapter")
    assert elsewhere.checklist.content_hash == tuned.checklist_version.content_hash
    for name in ("../manifest.json", "held-out.safetensors", "nothing"):
        assert client.get(reverse("rewards:model-file", args=[tuned.pk, name])).status_code == 404


def test_altered_adapters_are_refused_without_loading_them(tuned: RewardModel) -> None:
    folder = artifacts.root() / tuned.path / "adapter"
    judges.check(tuned)
    config = (folder / "adapter_config.json").read_bytes()
    (folder / "adapter_config.json").write_bytes(config + b" ")
    with pytest.raises(ProblemError, match="differs from its manifest"):
        judges.check(tuned)
    (folder / "adapter_config.json").unlink()
    with pytest.raises(ProblemError, match="is missing"):
        judges.check(tuned)


def test_used_as_it_is_it_is_measured_on_everything_people_judged(
    ask: Callable[..., Job], base: BaseModel, run_here: Callable[[Job], Any]
) -> None:
    job = ask({"base": base.pk, "use": "as_it_is"})
    model = RewardModel.objects.get(pk=run_here(job)["reward_model"])
    assert model.metrics["validation"]["items"] == 32
    assert model.metrics["training"]["items"] == 0
    assert model.metrics["overall"]["n"] > 0
    judge = judges.load(model)
    assert judge.checklist.content_hash == model.checklist_version.content_hash


def test_going_on_from_the_promoted_adapter(
    tuned: RewardModel, ask: Callable[..., Job], quick: Callable[..., dict[str, Any]], run_here: Callable[[Job], Any]
) -> None:
    job = ask(quick(start="promoted", max_steps=2, rank=2))
    model = RewardModel.objects.get(pk=run_here(job)["reward_model"])
    job.refresh_from_db()
    assert job.params["start"] == tuned.pk
    config = json.loads((artifacts.root() / model.path / "adapter" / "adapter_config.json").read_text())
    assert config["r"] == 4


def test_settings_that_cannot_be_are_refused_with_the_field(ask: Callable[..., Job], base: BaseModel) -> None:
    for settings, field, words in (
        ({}, "settings.base", "Choose a base model"),
        ({"base": base.pk, "rank": 0}, "settings.rank", "LoRA rank"),
        ({"base": base.pk, "start": "promoted"}, "settings.start", "Start from scratch"),
        ({"base": base.pk, "warp": 9}, "settings.warp", "no setting “warp”"),
        ({"base": 10**6}, "settings.base", "is not registered"),
    ):
        with pytest.raises(ProblemError, match=words) as refused:
            ask(settings)
        assert refused.value.details["field"] == field
    assert not Job.objects.exists()


def test_empty_settings_are_chosen_by_the_size_of_the_base(ask: Callable[..., Job], base: BaseModel) -> None:
    small = ask({"base": base.pk}).params["settings"]
    BaseModel.objects.update(report={"parameters": 7_000_000_000})
    large = ask({"base": base.pk}).params["settings"]
    assert (small["rank"], large["rank"]) == (8, 16)
    assert small["learning_rate"] > large["learning_rate"]
    assert large["accumulate"] == 8


def held(job: Job) -> JobRun:
    run = claim(str(job.pk))
    assert run is not None
    return run


def test_a_canceled_training_keeps_its_checkpoint_and_is_resumed(
    ask: Callable[..., Job],
    quick: Callable[..., dict[str, Any]],
    run_here: Callable[[Job], Any],
    monkeypatch: pytest.MonkeyPatch,
    client: Client,
    make_user: Callable[..., User],
) -> None:
    job = ask(quick(max_steps=8, evaluate_every=4))
    run = held(job)
    original = JobRun.progress

    def progress(self: JobRun, done: int, total: int | None = None) -> None:
        if self.job.stage == "Training" or session.read_status(folder_of(job)).get("done", 0) >= 2:
            request_cancel(job=self.job)
            self._flush()
        original(self, done, total)

    monkeypatch.setattr(JobRun, "progress", progress)
    with pytest.raises(JobCanceled):
        services.train(run)
    monkeypatch.setattr(JobRun, "progress", original)
    Job.objects.filter(pk=job.pk).update(state=JobState.CANCELED)
    assert list((folder_of(job) / "adapter.training").glob("step-*"))
    assert not RewardModel.objects.exists()

    client.force_login(make_user("ada", Role.ADMIN))
    page = client.get(reverse("rewards:training", args=[job.pk])).content.decode()
    assert "Resume from step" in page
    response = client.post(reverse("rewards:training-resume", args=[job.pk]))
    resumed = Job.objects.exclude(pk=job.pk).get()
    assert response.url == reverse("rewards:training", args=[resumed.pk])
    model = RewardModel.objects.get(pk=run_here(resumed)["reward_model"])
    assert model.metrics["training"]["steps"] == 8
    clean()
    job.refresh_from_db()
    with pytest.raises(ConflictError, match="left no checkpoint"):
        services.resume_training(job=job)


def test_a_training_that_the_system_kills_ends_with_advice(
    ask: Callable[..., Job], quick: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "command", lambda folder, count: ["sh", "-c", "kill -9 $$"])
    with pytest.raises(ProblemError, match=r"out of memory.*Use fewer items"):
        services.train(held(ask(quick())))
    assert not RewardModel.objects.exists()
    monkeypatch.setattr(
        process, "command", lambda folder, count: ["sh", "-c", "echo 'ValueError: odd shape' >&2; exit 3"]
    )
    with pytest.raises(ProblemError, match="ValueError: odd shape"):
        services.train(held(ask(quick(max_steps=7))))


def test_two_processes_train_where_the_worker_has_two_devices(
    ask: Callable[..., Job], quick: Callable[..., dict[str, Any]], run_here: Callable[[Job], Any], settings: Any
) -> None:
    settings.TRAINING_PROCESSES = 2
    model = RewardModel.objects.get(pk=run_here(ask(quick(max_steps=2)))["reward_model"])
    assert model.manifest["training"] == {"processes": 2}


def test_the_form_offers_every_kind_and_an_estimate(
    judged: Campaign, base: BaseModel, client: Client, make_user: Callable[..., User]
) -> None:
    client.force_login(make_user("ada", Role.ADMIN))
    page = client.get(reverse("rewards:train") + "?judge=vlm").content.decode()
    assert "Probe (embedded)" in page
    assert "tiny-llava" in page
    given = {"judge": "vlm", "campaigns": judged.pk, "consensus": "majority", "seed": 0, "judge-base": base.pk,
             "judge-use": "fine_tune", "judge-start": "scratch", "judge-wording": "platform", "judge-dtype": "auto",
             "judge-targets": "language", "judge-dropout": 0.05, "judge-validation_share": 0.2,
             "judge-patience": 4}  # fmt: skip
    estimate = client.get(reverse("rewards:train-estimate"), given).content.decode()
    assert "of memory" in estimate
    assert "Small models have little to adapt" in estimate
    as_it_is = client.get(reverse("rewards:train-estimate"), {**given, "judge-use": "as_it_is"}).content.decode()
    assert "of memory" in as_it_is
    assert "Steps" not in as_it_is
    response = client.post(reverse("rewards:train"), given)
    job = Job.objects.get(kind="rewards.train")
    assert client.get(reverse("jobs:detail", args=[job.pk])).content.decode().count(job.own_page) == 1
    assert f'href="{job.own_page}"' in client.get(reverse("rewards:models")).content.decode()
    assert response.url == reverse("rewards:training", args=[job.pk])
    assert job.params["settings"]["base"] == base.pk
    bad = client.post(reverse("rewards:train"), {**given, "judge-start": "promoted"})
    assert bad.status_code == 422
    assert "Start from scratch" in bad.content.decode()


def test_programs_ask_for_an_estimate_a_training_and_its_resumption(
    judged: Campaign, base: BaseModel, make_user: Callable[..., User]
) -> None:
    api = APIClient()
    api.force_authenticate(make_user("ada", Role.ADMIN))
    asked = {"campaigns": [judged.pk], "judge": "vlm", "settings": {"base": base.pk, "rank": 4}}
    found = api.post("/api/v1/reward-models/estimate/", asked)
    assert found.status_code == 200, found.json()
    assert found.json()["items"] == 32
    assert found.json()["memory_bytes"] > 1 << 20
    assert found.json()["settings"]["rank"] == 4
    assert found.json()["settings"]["learning_rate"] > 0
    plain = api.post("/api/v1/reward-models/estimate/", {"campaigns": [judged.pk]})
    assert plain.json()["memory_bytes"] is None
    wrong = api.post("/api/v1/reward-models/estimate/", {**asked, "settings": {"base": base.pk, "rank": -1}})
    assert wrong.status_code == 400
    assert "LoRA rank" in wrong.json()["title"]
    started = api.post("/api/v1/reward-models/train/", asked)
    assert started.status_code == 202
    job = Job.objects.get(pk=started.json()["id"])
    assert job.params["settings"]["rank"] == 4
    refused = api.post("/api/v1/reward-models/resume/", {"job": str(job.pk)})
    assert (refused.status_code, refused.json()["code"]) == (409, "running")
