"""A job in chunks: shared, fenced, taken over, canceled, ended once; urgent jobs go between."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from annotator.accounts.models import User
from annotator.core.errors import ProblemError
from annotator.jobs import chunks, services, tasks
from annotator.jobs.chunks import ChunkRun
from annotator.jobs.models import ChunkState, Job, JobChunk, JobState
from annotator.jobs.services import MAX_ATTEMPTS, JobCanceled, JobLost, JobRun, claim, enqueue, request_cancel, run_job

pytestmark = pytest.mark.django_db

KIND = "tests.add"


@pytest.fixture(autouse=True)
def no_heartbeat(settings: Any) -> None:
    """Its thread has a connection of its own, which would not see what this test has not committed."""
    settings.JOB_HEARTBEAT_SECONDS = 3600


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The jobs helpers were called for."""
    messages: list[str] = []
    monkeypatch.setattr(chunks, "_send_help", lambda job: messages.append(str(job.pk)))
    monkeypatch.setattr(services, "_send", lambda job: None)
    return messages


@pytest.fixture
def added() -> Iterator[list[int]]:
    """What the chunks added, in the order of their commits."""
    numbers: list[int] = []

    def add(chunk: ChunkRun) -> None:
        with chunk.commit():
            numbers.extend(chunk.payload)

    chunks.WORK[KIND] = add
    yield numbers
    del chunks.WORK[KIND]


def work(run: JobRun) -> dict[str, Any]:
    if not JobChunk.objects.filter(job=run.job).exists():
        chunks.lay_out(run, [[1, 2, 3], [4, 5, 6], [7]])
    chunks.work_through(run, "Adding")
    return {"message": "Added."}


@pytest.fixture
def job(called: list[str], added: list[int]) -> Job:
    return enqueue(kind=KIND, title="Adding")


@pytest.fixture
def run(job: Job) -> JobRun:
    """Somebody holds the job and has laid it out."""
    held = claim(str(job.pk))
    assert held is not None
    chunks.lay_out(held, [[1, 2, 3], [4, 5, 6], [7]])
    return held


def lose(found: Any) -> None:
    """Its worker has not been heard of for long."""
    found.update(heartbeat_at=timezone.now() - timedelta(hours=1))


def test_one_worker_does_it_alone_where_nobody_helps(job: Job, called: list[str], added: list[int]) -> None:
    run_job(str(job.pk), work)
    job.refresh_from_db()
    assert (job.state, job.stage, job.done, job.total) == (JobState.SUCCEEDED, "Adding", 7, 7)
    assert added == [1, 2, 3, 4, 5, 6, 7]
    assert called == [str(job.pk)] * 2, "one helper a chunk, less the one the run takes itself"
    assert not JobChunk.objects.exists()


def test_a_helper_takes_what_is_left_and_the_run_ends_it(run: JobRun, added: list[int]) -> None:
    mine = chunks.take(run.job)
    assert mine is not None
    chunks.help_with(str(run.job.pk))
    assert added == [4, 5, 6, 7]
    run.job.refresh_from_db()
    assert (run.job.state, run.job.done) == (JobState.RUNNING, 4), "progress adds up; whoever holds the job ends it"
    with mine.commit():
        pass
    work(run)
    assert JobChunk.objects.filter(state=ChunkState.DONE).count() == 3


def test_a_part_of_a_chunk_counts(run: JobRun) -> None:
    mine = chunks.take(run.job)
    assert mine is not None
    mine.progress(2)
    run.job.refresh_from_db()
    assert run.job.done == 2


def test_a_helper_makes_room_for_what_else_waits(run: JobRun, called: list[str], added: list[int]) -> None:
    enqueue(kind="tests.other", title="Something else")
    chunks.help_with(str(run.job.pk))
    assert added == [1, 2, 3]
    assert called == [str(run.job.pk)], "it comes again behind the other"


def test_the_chunk_of_a_dead_worker_is_given_to_another_and_the_slow_one_has_no_effect(
    run: JobRun, called: list[str], added: list[int], make_user: Callable[..., User]
) -> None:
    slow = chunks.take(run.job)
    assert slow is not None
    assert chunks.reclaim() == 0, "it shows life"
    lose(JobChunk.objects.filter(state=ChunkState.RUNNING))
    tasks.recover_lost()
    assert called == [str(run.job.pk)]
    with pytest.raises(JobLost), slow.commit():
        make_user("twice")
    with pytest.raises(JobLost):
        slow.progress(3)
    assert slow.canceled()
    work(run)
    assert added == [1, 2, 3, 4, 5, 6, 7]
    assert not User.objects.exists()


def test_a_job_whose_run_died_goes_on(run: JobRun, added: list[int]) -> None:
    lose(Job.objects.filter(pk=run.job.pk))
    services.recover_lost()
    chunks.help_with(str(run.job.pk))
    assert added == [1, 2, 3, 4, 5, 6, 7], "helpers go on while the job waits for another run"
    with pytest.raises(JobLost):
        chunks.work_through(run, "Adding")
    run_job(str(run.job.pk), work)
    run.job.refresh_from_db()
    assert (run.job.state, run.job.done, run.job.attempts) == (JobState.SUCCEEDED, 7, 2)


def test_canceling_stops_everybody(run: JobRun, added: list[int], make_user: Callable[..., User]) -> None:
    mine = chunks.take(run.job)
    assert mine is not None
    request_cancel(job=run.job)
    with pytest.raises(JobCanceled), mine.commit():
        make_user("effect")
    with pytest.raises(JobCanceled):
        mine.progress(3)
    assert chunks.take(run.job) is None
    chunks.help_with(str(run.job.pk))
    with pytest.raises(JobCanceled):
        chunks.work_through(run, "Adding")
    assert not added
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("error", "said"),
    [(ProblemError("There is a hole in it."), "There is a hole in it."), (ValueError("oh"), "ValueError: oh")],
)
def test_what_a_helper_finds_wrong_ends_the_job(run: JobRun, error: Exception, said: str) -> None:
    def fail(chunk: ChunkRun) -> None:
        raise error

    chunks.WORK[KIND] = fail
    chunks.help_with(str(run.job.pk))
    run.job.refresh_from_db()
    assert (run.job.state, run.job.error) == (JobState.FAILED, said)
    with pytest.raises(JobLost):
        run.stage("Next step")
    chunks.clear_finished()
    assert not JobChunk.objects.exists()


def test_a_chunk_that_kills_its_workers_ends_the_job_with_a_reason(run: JobRun) -> None:
    for _ in range(MAX_ATTEMPTS):
        assert chunks.take(run.job)
        lose(JobChunk.objects.filter(state=ChunkState.RUNNING))
        chunks.reclaim()
    run.job.refresh_from_db()
    assert run.job.state == JobState.FAILED
    assert "died 5 times on the same part" in run.job.error


def test_work_that_forgets_to_commit_is_a_mistake_that_is_said(job: Job) -> None:
    chunks.WORK[KIND] = lambda chunk: None
    run_job(str(job.pk), work)
    job.refresh_from_db()
    assert "did not commit it" in job.error


def test_urgent_jobs_are_done_between_two_chunks(job: Job, added: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    def now(job_id: str) -> None:
        run_job(job_id, lambda held: added.append(0))

    from celery import current_app

    monkeypatch.setitem(current_app.tasks, "tests.now", now)
    urgent = enqueue(kind="tests.now", title="At once", urgent=True)
    enqueue(kind="tests.now", title="In its turn")
    run_job(str(job.pk), work)
    assert added == [1, 2, 3, 0, 4, 5, 6, 7]
    urgent.refresh_from_db()
    assert urgent.state == JobState.SUCCEEDED
