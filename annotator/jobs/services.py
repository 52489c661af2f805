"""Every write to a Job. The life of one: queued → running → succeeded, failed or canceled.

A job is run by whoever holds its ``run_token``. A worker that dies stops its heartbeat; the sweep puts
the job back into its queue under a new attempt. A runner that lost its token (it was only slow, not
dead) finds out at its next heartbeat or at ``finish`` and leaves no effect: the work of a job commits in
the same transaction as the check that the token is still its own (``JobRun.commit``).
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

from celery import current_app
from django.conf import settings
from django.db import IntegrityError, close_old_connections, connection, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext, ngettext

from annotator.core.disk import DiskFullError, disk_is_full
from annotator.core.errors import ConflictError, ProblemError
from annotator.core.metrics import JOB_SECONDS
from annotator.core.paths import without_paths
from annotator.core.texts import Texts
from annotator.jobs.models import FINISHED, Job, JobChunk, JobState, Queue

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 5
# Of messages, as the broker's transport counts them: the smallest goes first.
URGENT, ORDINARY = 0, 6


class JobCanceled(Exception):  # noqa: N818 - it is no error, it is a wish
    """Raised inside a job when somebody has canceled it."""


class JobLost(Exception):  # noqa: N818
    """Raised inside a job whose run was given to another worker."""


def enqueue(
    *,
    kind: str,
    title: Texts | str,
    params: dict[str, Any] | None = None,
    queue: str = Queue.DEFAULT,
    requested_by: Any = None,
    dedupe_key: str = "",
    urgent: bool = False,
) -> Job:
    """Record a job and send it to its queue after the transaction commits.

    ``kind`` is the name of the Celery task that runs it, ``title`` is made by ``in_all_languages``. With a
    ``dedupe_key``, an unfinished job with the same key is returned instead of making a second one. An ``urgent`` job
    goes ahead of those that wait.
    """
    try:
        with transaction.atomic():
            job = Job.objects.create(
                kind=kind,
                title=title,
                params=params or {},
                queue=queue,
                requested_by=requested_by,
                dedupe_key=dedupe_key,
                urgent=urgent,
                language=translation.get_language() or settings.LANGUAGE_CODE,
            )
    except IntegrityError:
        existing = Job.objects.filter(dedupe_key=dedupe_key).exclude(state__in=FINISHED).first()
        if existing is None:  # it ended between the two statements
            return enqueue(
                kind=kind, title=title, params=params, queue=queue, requested_by=requested_by, dedupe_key=dedupe_key,
                urgent=urgent,
            )  # fmt: skip
        return existing
    transaction.on_commit(lambda: _send(job))
    return job


def _send(job: Job) -> None:
    try:
        priority = URGENT if job.urgent else ORDINARY
        current_app.send_task(job.kind, args=[str(job.id)], queue=job.queue, priority=priority, retry=False)
    except Exception:
        # The record stands; the sweep sends it again when the broker is back.
        logger.exception("could not send job to its queue", extra={"job": str(job.id)})


def request_cancel(*, job: Job) -> Job:
    """Ask for the end of a job. A queued one ends at once, a running one at its next step."""
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=job.pk)
        if job.is_finished:
            raise ConflictError(
                gettext("This job is already finished (%(state)s), so there is nothing to cancel.")
                % {"state": job.get_state_display().lower()}
            )
        job.cancel_requested_at = job.cancel_requested_at or timezone.now()
        if job.state == JobState.QUEUED:
            job.state = JobState.CANCELED
            job.finished_at = timezone.now()
        job.save(update_fields=["cancel_requested_at", "state", "finished_at"])
    return job


class Beating(Protocol):
    """What is kept by showing life."""

    def flush(self) -> None: ...


class JobRun:
    """One worker's hold on one job. Its methods raise JobCanceled or JobLost when the hold has ended."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.token = job.run_token
        self._state = threading.Lock()
        self._fields: dict[str, Any] = {}
        self._ended: type[Exception] | None = None
        self._last_write = 0.0
        self.began = time.monotonic()
        self.chunk: Beating | None = None  # what of the job this worker has taken itself; it shows life with the job

    @property
    def params(self) -> dict[str, Any]:
        return dict(self.job.params)

    def stage(self, name: str, total: int | None = None) -> None:
        """Begin a stage with its own count. ``name`` is marked with ``gettext_noop``."""
        with self._state:
            self._fields = {"stage": name, "done": 0, "total": total, "stage_started_at": timezone.now()}
        self._flush()
        self.check()

    def progress(self, done: int, total: int | None = None) -> None:
        """Note how far the stage is. Cheap: it is written with the next heartbeat, at most once a second."""
        with self._state:
            self._fields["done"] = done
            if total is not None:
                self._fields["total"] = total
        now = timezone.now().timestamp()
        if now - self._last_write >= 1.0:
            self._flush()
        self.check()

    def canceled(self) -> bool:
        """Whether the work should stop, for loops that ask instead of catching."""
        return self._ended is not None

    def check(self) -> None:
        if self._ended is not None:
            raise self._ended

    @contextmanager
    def commit(self) -> Iterator[None]:
        """Commit only while this run holds the job and is not canceled."""
        with transaction.atomic():
            held = Job.objects.select_for_update().filter(pk=self.job.pk, run_token=self.token).first()
            if held is None or held.state != JobState.RUNNING:
                raise JobLost
            if held.cancel_requested_at:
                raise JobCanceled
            yield

    def _flush(self) -> None:
        with self._state:
            fields, self._fields = self._fields, {}
        self._last_write = timezone.now().timestamp()
        held = Job.objects.filter(pk=self.job.pk, run_token=self.token, state=JobState.RUNNING)
        if not held.update(heartbeat_at=timezone.now(), **fields):
            self._ended = JobLost
            return
        if held.filter(cancel_requested_at__isnull=False).exists():
            self._ended = JobCanceled

    def _beat(self, stop: threading.Event) -> None:
        def show_life() -> None:
            self._flush()
            if (chunk := self.chunk) is not None:
                chunk.flush()

        beat(show_life, stop)


def beat(show_life: Callable[[], None], stop: threading.Event) -> None:
    """Show life every few seconds until told to stop.

    It runs in a thread beside the one that works.
    """
    while not stop.wait(settings.JOB_HEARTBEAT_SECONDS):
        try:
            close_old_connections()
            show_life()
        except Exception:
            logger.exception("heartbeat failed")
    connection.close()


def claim(job_id: str) -> JobRun | None:
    """Take a queued job for this worker.

    Returns None where the job is not there to be taken, or not any more.
    """
    with transaction.atomic():
        job = Job.objects.select_for_update(skip_locked=True).filter(pk=job_id, state=JobState.QUEUED).first()
        if job is None:
            return None
        now = timezone.now()
        job.state = JobState.RUNNING
        job.run_token = uuid.uuid4()
        job.attempts += 1
        job.started_at = job.started_at or now
        job.stage_started_at = now
        job.heartbeat_at = now
        job.done = 0
        job.save()
    return JobRun(job)


def run_job(job_id: str, work: Callable[[JobRun], dict[str, Any] | None]) -> None:
    """Claim the job, do ``work(run)`` under a heartbeat, and record how it ended. Never raises for bad input."""
    run = claim(job_id)
    if run is None:
        logger.info("job is not waiting; nothing to do", extra={"job": job_id})
        return
    logger.info("job begins: %s", run.job.name, extra={"job": job_id, "attempt": run.job.attempts})
    stop = threading.Event()
    beat = threading.Thread(target=run._beat, args=(stop,), daemon=True)
    beat.start()
    try:
        with translation.override(run.job.language):
            result = work(run)
        stop.set()
        beat.join()
        run._flush()
        _finish(run, JobState.SUCCEEDED, result=result or {})
    except JobCanceled:
        _finish(run, JobState.CANCELED)
    except JobLost:
        logger.warning("job was given to another worker", extra={"job": job_id})
    except ProblemError as problem:
        _finish(run, JobState.FAILED, error=in_words(problem))
    except Exception as error:
        logger.exception("job failed", extra={"job": job_id})
        _finish(run, JobState.FAILED, error=in_words(error))
    finally:
        stop.set()
        JobChunk.objects.filter(job=run.job, job__state__in=FINISHED).delete()


def in_words(error: Exception) -> str:
    """Describe a failure in words.

    Our own errors are told by their message, a full disk is called that, and any other error is named.
    """
    if disk_is_full(error):
        return DiskFullError().message
    if isinstance(error, ProblemError):
        return error.message
    message = getattr(error, "message", None) or str(error)
    return without_paths(message if getattr(error, "code", None) else f"{type(error).__name__}: {message}")


def _finish(run: JobRun, state: str, *, result: dict[str, Any] | None = None, error: str = "") -> None:
    JOB_SECONDS.labels(run.job.kind, state).observe(time.monotonic() - run.began)
    logger.info("job ends: %s", state, extra={"job": str(run.job.pk), "error": error or None})
    Job.objects.filter(pk=run.job.pk, run_token=run.token, state=JobState.RUNNING).update(
        state=state, result=result, error=error, finished_at=timezone.now(), heartbeat_at=timezone.now()
    )


def recover_lost(*, now: Any = None) -> int:
    """Put jobs whose worker has died back into their queue; returns how many."""
    now = now or timezone.now()
    lost_before = now - timedelta(seconds=settings.JOB_LOST_AFTER_SECONDS)
    count = 0
    with transaction.atomic():
        lost = Job.objects.select_for_update(skip_locked=True).filter(
            state=JobState.RUNNING, heartbeat_at__lt=lost_before
        )
        for job in lost:
            count += 1
            if job.cancel_requested_at:
                job.state, job.finished_at = JobState.CANCELED, now
            elif job.attempts >= MAX_ATTEMPTS:
                job.state, job.finished_at = JobState.FAILED, now
                with translation.override(job.language):
                    job.error = ngettext(
                        "The worker died %(n)s time while running this job, most likely because it ran out of memory. "
                        "Check the worker's log, then start the job again.",
                        "The worker died %(n)s times while running this job, most likely because it ran out of memory. "
                        "Check the worker's log, then start the job again.",
                        job.attempts,
                    ) % {"n": job.attempts}
            else:
                job.state, job.run_token, job.heartbeat_at = JobState.QUEUED, None, now
                transaction.on_commit(partial(_send, job))
            job.save()
        # A message can be lost with the broker's memory: jobs that have waited long without a sign are sent again.
        stale = now - timedelta(seconds=max(60.0, 3 * settings.JOB_LOST_AFTER_SECONDS))
        for job in Job.objects.select_for_update(skip_locked=True).filter(state=JobState.QUEUED, created_at__lt=stale):
            if job.heartbeat_at is None or job.heartbeat_at < stale:
                Job.objects.filter(pk=job.pk).update(heartbeat_at=now)
                transaction.on_commit(partial(_send, job))
    return count
