"""A real worker dies by ``kill -9`` in the middle of a training and of a scoring: each is done once all the same."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from annotator.accounts.models import Role, User
from annotator.jobs.models import Job, JobState
from annotator.rewards import judges, services
from annotator.rewards.models import RewardModel, RewardModelEvent, Score, Snapshot
from tests.annotator.rewards.pictures import make_pictures, open_campaign, submit_all
from tests.conftest import kill_group

pytestmark = pytest.mark.django_db(transaction=True)


def finished(job: Job, log: Path) -> bool:
    """Whether it succeeded; a job that failed fails the test with its words."""
    job.refresh_from_db()
    assert job.state not in (JobState.FAILED, JobState.CANCELED), f"{job.error}\n{log.read_text()[-3000:]}"
    return job.state == JobState.SUCCEEDED


def test_a_training_and_a_scoring_whose_worker_is_killed_are_done_once(
    start_worker: Callable[[], subprocess.Popen[bytes]],
    process_env: dict[str, str],
    wait_until: Callable[..., None],
    make_user: Callable[..., User],
    tmp_path: Path,
) -> None:
    process_env["VALIDATION_FOLDS"] = "2"
    pictures = make_pictures(prompts=5)
    more = make_pictures(prompts=12, first_seed=100, place="in the rain")
    campaign = open_campaign(pictures)
    for seed, name in enumerate(("ann", "ben")):
        submit_all(campaign, make_user(name, Role.ANNOTATOR), seed=seed)
    training = services.request_training(campaigns=[campaign], promote=True, score_after=True)

    worker = start_worker()
    wait_until(
        lambda: Job.objects.filter(pk=training.pk, state=JobState.RUNNING, stage="Fitting the heads").exists(),
        "the training did not come to fitting",
        seconds=100,
    )
    kill_group(worker)
    assert not RewardModel.objects.exists()
    images = settings.ARTIFACT_ROOT / "models" / "image"
    half = images / f".{training.pk}-1.{worker.pid}-0badcafe"  # as a kill a moment later would have left
    half.mkdir(parents=True)
    (half / "heads.safetensors").write_bytes(b"half")

    worker = start_worker()
    wait_until(lambda: finished(training, tmp_path / "worker-1.log"), "the training was not taken up again", 100)
    assert training.attempts >= 2
    model = RewardModel.objects.get()
    assert (model.version, model.state) == (1, "promoted")
    assert Snapshot.objects.count() == 1
    assert [path.name for path in images.iterdir()] == [f"{training.pk}-{training.attempts}"]
    judges.load(model)
    scoring = Job.objects.get(kind="rewards.score")

    total = len(pictures) + len(more)
    wait_until(lambda: Score.objects.count() >= len(pictures), "the scoring did not come to its first batch", 100)
    kill_group(worker)
    scored_before = dict(Score.objects.values_list("item_id", "pk"))
    assert 0 < len(scored_before) < total, "the worker was quicker than the kill"

    start_worker()
    wait_until(lambda: finished(scoring, tmp_path / "worker-2.log"), "the scoring was not taken up again", 100)
    assert scoring.attempts >= 2
    after = dict(Score.objects.values_list("item_id", "pk"))
    assert len(after) == total == Score.objects.count()
    assert all(after[item] == pk for item, pk in scored_before.items()), "what was scored is not scored again"
    assert RewardModel.objects.count() == 1
    assert [event.action for event in RewardModelEvent.objects.order_by("pk")] == ["trained", "promoted"]
    assert Job.objects.count() == 2
    assert scoring.result["scored"] == total
