"""Real workers share a scoring; one dies by ``kill -9``; requests are answered meanwhile; new items are scored."""

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Count
from rest_framework.test import APIClient

from annotator.accounts.models import Role, User
from annotator.jobs.models import ChunkState, Job, JobChunk, JobState
from annotator.jobs.services import claim
from annotator.library.models import Item
from annotator.library.services import import_now
from annotator.library.storage import original_path
from annotator.rewards import services
from annotator.rewards.models import RewardModel, Score, ScoreRequest
from tests.annotator.rewards.pictures import make_pictures, open_campaign, submit_all
from tests.conftest import kill_group
from tests.factories import write_image

pytestmark = pytest.mark.django_db(transaction=True)

WHOLE = 96 + 20


@pytest.fixture
def promoted(files: Path, make_user: Callable[..., User], settings: Any) -> RewardModel:
    """A version that was trained on 20 pictures, none scored."""
    settings.VALIDATION_FOLDS = 2
    pictures = make_pictures(prompts=5)
    campaign = open_campaign(pictures)
    submit_all(campaign, make_user("ann", Role.ANNOTATOR), seed=0)
    job = services.request_training(campaigns=[campaign], promote=True, score_after=False)
    held = claim(str(job.pk))
    assert held is not None
    services.train(held)
    Job.objects.all().delete()
    return RewardModel.objects.get()


def test_a_scoring_is_shared_and_what_a_killed_worker_had_taken_is_done_by_the_other(
    promoted: RewardModel,
    start_worker: Callable[[], subprocess.Popen[bytes]],
    wait_until: Callable[..., None],
    make_user: Callable[..., User],
    tmp_path: Path,
) -> None:
    make_pictures(prompts=24, first_seed=100, place="in the rain")
    first, second = start_worker(), start_worker()
    job = services.request_scoring(reward_model=promoted)
    wait_until(
        lambda: JobChunk.objects.filter(job=job, state=ChunkState.RUNNING).count() == 2,
        "the two workers did not share the job",
        seconds=100,
    )
    # Which of the two coordinates is not known: both deaths must do no harm. This one has a chunk in its hands.
    kill_group(first)
    client = APIClient()
    client.force_authenticate(make_user("rev", Role.REVIEWER))
    item = Item.objects.order_by("pk").last()
    assert item is not None

    def done() -> bool:
        job.refresh_from_db()
        logs = "".join(log.read_text()[-2000:] for log in tmp_path.glob("worker-*.log"))
        assert job.state not in (JobState.FAILED, JobState.CANCELED), f"{job.error}\n{logs}"
        return job.state == JobState.SUCCEEDED

    wait_until(done, "the other one did not finish it", seconds=150)
    assert second.poll() is None
    assert job.result["scored"] == WHOLE == Score.objects.count()
    assert not Score.objects.values("item").annotate(n=Count("pk")).filter(n__gt=1).exists()
    assert not JobChunk.objects.exists()

    # The worker that lives has its judge loaded: a request is answered while it waits, and leaves nothing.
    with original_path(item).open("rb") as file:
        body = {"file": file, "prompt": item.prompt.text}
        response = client.post("/api/v1/score/", body, format="multipart")
    assert response.status_code == 200, response.data
    assert response.data["reward"] == pytest.approx(Score.objects.get(item=item).reward, abs=1e-6)
    assert not ScoreRequest.objects.exists()
    assert Job.objects.count() == 1


def test_a_request_is_answered_in_the_middle_of_a_long_scoring_and_an_import_is_scored_by_itself(
    promoted: RewardModel,
    start_worker: Callable[[], subprocess.Popen[bytes]],
    wait_until: Callable[..., None],
    make_user: Callable[..., User],
    settings: Any,
) -> None:
    settings.SCORE_WAIT_SECONDS = 100.0
    start_worker()
    make_pictures(prompts=60, first_seed=200, place="at night")
    job = services.request_scoring(reward_model=promoted)
    wait_until(lambda: JobChunk.objects.filter(job=job, state=ChunkState.RUNNING).exists(), "it did not begin", 100)
    client = APIClient()
    client.force_authenticate(make_user("rev", Role.REVIEWER))
    with tempfile.TemporaryDirectory() as folder:
        path = write_image(Path(folder) / "kite.png", seed=5)
        with path.open("rb") as file:
            response = client.post("/api/v1/score/", {"file": file, "prompt": "A kite"}, format="multipart")
        assert response.status_code == 200, response.data
        job.refresh_from_db()
        assert job.state == JobState.RUNNING, "it did not wait for the whole job"
        write_image(Path(folder) / "boat.png", seed=6)
        (Path(folder) / "manifest.csv").write_text(
            "file,prompt,generator\nkite.png,A kite,painter\nboat.png,A boat,painter\n"
        )
        report = import_now(folder)
    assert report.imported == 2, report.problems
    new = report.batch.items.all()
    wait_until(lambda: Score.objects.filter(item__in=new).count() == 2, "the import was not scored by itself", 100)
