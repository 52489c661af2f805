"""The life of a job: taken by one worker, watched, canceled, lost, taken up again, and its effect once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from annotator.accounts.models import User
from annotator.core.errors import ConflictError, ProblemError
from annotator.jobs import services
from annotator.jobs.models import Job, JobState
from annotator.jobs.services import JobCanceled, JobLost, JobRun, claim, enqueue, recover_lost, request_cancel, run_job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_heartbeat(settings: Any) -> None:
    """Its thread has a connection of its own, which would not see what this test has not committed."""
    settings.JOB_HEARTBEAT_SECONDS = 3600


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The jobs whose message went to a queue."""
    messages: list[str] = []
    monkeypatch.setattr(services, "_send", lambda job: messages.append(str(job.id)))
    return messages


@pytest.fixture
def job(sent: list[str]) -> Job:
    return enqueue(kind="tests.count", title="Counting", params={"to": 3})


def state_of(job: Job) -> tuple[str, Any]:
    job.refresh_from_db()
    return job.state, job.result if job.state == JobState.SUCCEEDED else job.error


def lose(job: Job) -> None:
    """Its worker has not been heard of for long."""
    Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - timedelta(hours=1))


def test_a_job_is_sent_once_it_is_certain(sent: list[str], django_capture_on_commit_callbacks: Callable) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        job = enqueue(kind="tests.count", title="Counting")
        assert sent == [], "a worker must not look for a row that is not there yet"
    assert sent == [str(job.id)]


def test_asking_twice_for_the_same_gives_the_same_job(sent: list[str]) -> None:
    first = enqueue(kind="tests.count", title="Counting", dedupe_key="count")
    assert enqueue(kind="tests.count", title="Counting", dedupe_key="count") == first
    request_cancel(job=first)
    assert enqueue(kind="tests.count", title="Counting", dedupe_key="count") != first


def test_what_a_job_gives_is_kept(job: Job) -> None:
    def work(run: JobRun) -> dict[str, Any]:
        run.stage("Counting", total=run.params["to"])
        for number in range(1, 4):
            run.progress(number)
        return {"message": "Counted to 3."}

    run_job(str(job.id), work)
    assert state_of(job) == (JobState.SUCCEEDED, {"message": "Counted to 3."})
    assert (job.stage, job.done, job.total, job.attempts) == ("Counting", 3, 3, 1)
    assert job.finished_at


def test_one_worker_gets_it(job: Job) -> None:
    assert claim(str(job.id))
    assert claim(str(job.id)) is None
    run_job(str(job.id), lambda run: pytest.fail("it was done twice"))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ProblemError("There is nothing to count."), "There is nothing to count."),
        (ValueError("three is no number"), "ValueError: three is no number"),
    ],
)
def test_how_it_failed_is_said_in_words(job: Job, error: Exception, said: str) -> None:
    def work(run: JobRun) -> None:
        raise error

    run_job(str(job.id), work)
    assert state_of(job) == (JobState.FAILED, said)


def test_a_waiting_job_is_canceled_at_once(job: Job) -> None:
    assert request_cancel(job=job).state == JobState.CANCELED
    assert claim(str(job.id)) is None
    with pytest.raises(ConflictError, match="already finished"):
        request_cancel(job=job)


def test_a_running_job_stops_at_its_next_step_and_leaves_no_effect(job: Job, make_user: Callable[..., User]) -> None:
    def work(run: JobRun) -> None:
        request_cancel(job=job)
        with pytest.raises(JobCanceled), run.commit():
            make_user("effect")
        run.stage("Next step")
        pytest.fail("it went on")

    run_job(str(job.id), work)
    assert state_of(job)[0] == JobState.CANCELED
    assert not User.objects.filter(username="effect").exists()


def test_a_lost_job_is_put_back_and_its_first_worker_has_no_effect_any_more(
    job: Job, sent: list[str], make_user: Callable[..., User], django_capture_on_commit_callbacks: Callable
) -> None:
    slow = claim(str(job.id))
    assert slow
    lose(job)
    sent.clear()
    with django_capture_on_commit_callbacks(execute=True):
        assert recover_lost() == 1
    assert sent == [str(job.id)]
    quick = claim(str(job.id))
    assert quick
    with pytest.raises(JobLost), slow.commit():
        make_user("twice")
    with pytest.raises(JobLost):
        slow.stage("Going on")
    with quick.commit():
        make_user("once")
    job.refresh_from_db()
    assert job.attempts == 2
    assert set(User.objects.values_list("username", flat=True)) == {"once"}


def test_a_job_that_beats_is_left_alone(job: Job) -> None:
    assert claim(str(job.id))
    assert recover_lost() == 0


def test_a_job_that_kills_its_workers_is_given_up_with_a_reason(job: Job) -> None:
    for _ in range(services.MAX_ATTEMPTS):
        assert claim(str(job.id))
        lose(job)
        recover_lost()
    state, error = state_of(job)
    assert state == JobState.FAILED
    assert "died 5 times" in error


def test_a_lost_job_that_was_to_be_canceled_is(job: Job) -> None:
    assert claim(str(job.id))
    request_cancel(job=job)
    lose(job)
    recover_lost()
    assert state_of(job)[0] == JobState.CANCELED


def test_a_message_that_the_broker_lost_is_sent_again(
    job: Job, sent: list[str], django_capture_on_commit_callbacks: Callable
) -> None:
    Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(hours=1))
    sent.clear()
    with django_capture_on_commit_callbacks(execute=True):
        recover_lost()
    with django_capture_on_commit_callbacks(execute=True):
        recover_lost()
    assert sent == [str(job.id)], "once, not at every sweep"


def test_the_rate_and_the_time_left_follow_from_the_present_stage() -> None:
    job = Job(state=JobState.RUNNING, done=30, total=120, stage_started_at=timezone.now() - timedelta(seconds=10))
    assert job.fraction == 0.25
    assert job.rate_per_second == pytest.approx(3, rel=0.05)
    assert job.time_left
    assert job.time_left.total_seconds() == pytest.approx(30, rel=0.05)
    assert Job(state=JobState.RUNNING, done=5).fraction is None
