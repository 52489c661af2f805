"""A job that all workers of its queue share: cut into chunks, each taken by whoever is free.

The run that holds the job (``JobRun``) lays the chunks out, calls helpers by messages on the job's queue, takes chunks
itself, and ends the job once none is left. A helper needs no more than the job's id. Who works on a chunk holds its
``token`` and shows life; a chunk whose worker died is given to another, and a worker that was only slow leaves no
effect, because what it did commits together with the check of its token (``ChunkRun.commit``). Where the run itself
dies, helpers go on, and the sweep gives the job to another run, which finds what is left.

Locks are taken in one order, the job before its chunk, so that no two wait for each other.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Max, OuterRef, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from annotator.core.errors import ProblemError
from annotator.jobs.models import FINISHED, ChunkState, Job, JobChunk, JobState
from annotator.jobs.services import (
    MAX_ATTEMPTS,
    ORDINARY,
    URGENT,
    JobCanceled,
    JobLost,
    JobRun,
    beat,
    in_words,
)

logger = logging.getLogger(__name__)

HELP_TASK = "jobs.help"
UNFINISHED = (JobState.QUEUED, JobState.RUNNING)
SECONDS_BETWEEN_LOOKS = 0.2  # of a run that waits for others to finish the last chunks

# How a chunk of a job of this kind is done. It calls ``chunk.commit()`` once, around its effect.
WORK: dict[str, Callable[[ChunkRun], None]] = {}


class ChunkRun:
    """One worker's hold on one chunk. Its methods raise JobCanceled or JobLost when the hold has ended."""

    def __init__(self, chunk: JobChunk) -> None:
        self.job = chunk.job
        self.payload: list[Any] = chunk.payload
        self.finished = False
        self._pk, self._token = chunk.pk, chunk.token
        self._lock = threading.Lock()
        self._done: int | None = None
        self._last_write = 0.0
        self._ended: type[Exception] | None = None

    @property
    def params(self) -> dict[str, Any]:
        return dict(self.job.params)

    def progress(self, done: int) -> None:
        """Note how much of the chunk is done. Cheap: written at most once a second."""
        self._done = done
        if time.monotonic() - self._last_write >= 1.0:
            self.flush()
        self.check()

    def canceled(self) -> bool:
        """True when the work should stop, for loops that ask instead of catching."""
        return self._ended is not None

    def check(self) -> None:
        if self._ended is not None:
            raise self._ended

    @contextmanager
    def commit(self) -> Iterator[None]:
        """A transaction that only commits while this worker still holds the chunk and the job goes on.

        With it the chunk is done.
        """
        with transaction.atomic():
            job = Job.objects.select_for_update().filter(pk=self.job.pk, state__in=UNFINISHED).first()
            if job is None:
                raise JobLost
            if job.cancel_requested_at:
                raise JobCanceled
            held = self._held().select_for_update().first()
            if held is None:
                raise JobLost
            yield
            self._held().update(state=ChunkState.DONE, done=len(self.payload), token=None)
            add_up(self.job)
        self.finished = True

    def flush(self) -> None:
        """Show life, and tell the job how far its chunks are together."""
        with self._lock:
            done, self._done = self._done, None
            self._last_write = time.monotonic()
        fields = {} if done is None else {"done": done}
        if not self._held().update(heartbeat_at=timezone.now(), **fields):
            if not self.finished:
                self._ended = JobLost
            return
        job = Job.objects.filter(pk=self.job.pk, state__in=UNFINISHED).first()
        if job is None:
            self._ended = JobLost
        elif job.cancel_requested_at:
            self._ended = JobCanceled
        elif done is not None:
            add_up(self.job)

    def _held(self) -> Any:
        return JobChunk.objects.filter(pk=self._pk, token=self._token, state=ChunkState.RUNNING)


# --- The run that holds the job -------------------------------------------------------------------
def lay_out(run: JobRun, payloads: Sequence[Sequence[Any]]) -> None:
    """Add chunks behind those the job has."""
    with run.commit():
        last = JobChunk.objects.filter(job=run.job).aggregate(last=Max("position"))["last"]
        first = 0 if last is None else last + 1
        JobChunk.objects.bulk_create(
            (
                JobChunk(job=run.job, position=first + number, payload=list(payload))
                for number, payload in enumerate(payloads)
            ),
            batch_size=1000,
        )


def is_open(job: Job) -> bool:
    """Whether a chunk of the job is not done yet."""
    return JobChunk.objects.filter(job=job).exclude(state=ChunkState.DONE).exists()


def work_through(run: JobRun, stage: str) -> None:
    """See all chunks of the job done, together with whoever helps. ``stage`` is what the page calls it."""
    chunks = JobChunk.objects.filter(job=run.job)
    run.stage(stage, sum(len(payload) for payload in chunks.values_list("payload", flat=True).iterator()))
    add_up(run.job)
    call_helpers(run.job)
    while True:
        chunk = take(run.job)
        if chunk is None:
            reclaim(run.job)
            if not is_open(run.job):
                return
            time.sleep(SECONDS_BETWEEN_LOOKS)
        else:
            run.chunk = chunk
            try:
                _do(chunk)
            except JobLost:
                run._flush()  # was it the chunk alone, or the job with it?
            finally:
                run.chunk = None
        run.check()
        give_way(run.job)


def call_helpers(job: Job) -> int:
    """Ask other workers of the queue to join. A message that finds nothing left to do costs nothing; one that waits
    until a worker starts lets that worker join. Returns how many were sent."""
    waiting = JobChunk.objects.filter(job=job, state=ChunkState.WAITING)[: settings.JOB_HELPERS + 1].count()
    wanted = max(0, min(settings.JOB_HELPERS, waiting - 1))
    for _number in range(wanted):
        _send_help(job)
    return wanted


def _send_help(job: Job) -> None:
    try:
        priority = URGENT if job.urgent else ORDINARY
        current_app.send_task(HELP_TASK, args=[str(job.pk)], queue=job.queue, priority=priority, retry=False)
    except Exception:
        logger.exception("could not call a helper", extra={"job": str(job.pk)})  # the run does it alone then


# --- A helper -------------------------------------------------------------------------------------
def help_with(job_id: str) -> None:
    """Take chunks of the job until none is left, or another job waits for this worker."""
    job = Job.objects.filter(pk=job_id, state__in=UNFINISHED).first()
    if job is None or job.kind not in WORK:
        return
    holding: list[ChunkRun] = []
    stop = threading.Event()

    def show_life() -> None:
        for chunk in holding:
            chunk.flush()

    thread = threading.Thread(target=beat, args=(show_life, stop), daemon=True)
    thread.start()
    try:
        while chunk := take(job):
            holding[:] = [chunk]
            try:
                _do(chunk)
            except JobLost:
                logger.warning("a chunk was given to another worker", extra={"job": job_id})
            finally:
                holding.clear()
            give_way(job)
            if Job.objects.filter(queue=job.queue, state=JobState.QUEUED).exclude(pk=job.pk).exists():
                _send_help(job)  # behind whatever waits
                return
    except JobCanceled:
        return  # the run ends the job
    except (OperationalError, InterfaceError):
        raise  # the chunk shows no life any more, and is given to another
    except ProblemError as problem:
        fail(job, in_words(problem))
    except Exception as error:
        logger.exception("a helper failed", extra={"job": job_id})
        fail(job, in_words(error))
    finally:
        stop.set()


def _do(chunk: ChunkRun) -> None:
    with translation.override(chunk.job.language):
        WORK[chunk.job.kind](chunk)
    if not chunk.finished:
        raise RuntimeError(f"The work on a chunk of {chunk.job.kind} did not commit it.")


# --- Chunks ---------------------------------------------------------------------------------------
def take(job: Job) -> ChunkRun | None:
    """The next chunk that waits; None where none does, or the job is to end."""
    with transaction.atomic():
        chunk = (
            JobChunk.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("job")
            .filter(job=job, job__state__in=UNFINISHED, job__cancel_requested_at=None, state=ChunkState.WAITING)
            .order_by("position")
            .first()
        )
        if chunk is None:
            return None
        chunk.state, chunk.token, chunk.heartbeat_at = ChunkState.RUNNING, uuid.uuid4(), timezone.now()
        chunk.attempts += 1
        chunk.done = 0
        chunk.save(update_fields=["state", "token", "heartbeat_at", "attempts", "done"])
    return ChunkRun(chunk)


def reclaim(job: Job | None = None, *, now: Any = None) -> int:
    """Let others take the chunks whose worker has died, of this job or of all; returns how many. One that kills its
    workers again and again ends the job with a reason."""
    lost_before = (now or timezone.now()) - timedelta(seconds=settings.JOB_LOST_AFTER_SECONDS)
    hopeless: list[Job] = []
    freed: list[Job] = []
    with transaction.atomic():
        lost = JobChunk.objects.select_for_update(skip_locked=True, of=("self",)).select_related("job")
        lost = lost.filter(state=ChunkState.RUNNING, heartbeat_at__lt=lost_before, job__state__in=UNFINISHED)
        for chunk in lost if job is None else lost.filter(job=job):
            (hopeless if chunk.attempts >= MAX_ATTEMPTS else freed).append(chunk.job)
            chunk.state, chunk.token = ChunkState.WAITING, None
            chunk.save(update_fields=["state", "token"])
    for one in hopeless:
        fail(
            one,
            _(
                "The worker died %(times)d times on the same part of this job, most likely because it ran out of "
                "memory. Check the worker's log, then start the job again."
            )
            % {"times": MAX_ATTEMPTS},
        )
    for one in freed:
        if job is None:  # the run that asks for its own job takes them itself
            _send_help(one)
    return len(freed) + len(hopeless)


def add_up(job: Job) -> None:
    """The job's count is that of its chunks together."""
    found = JobChunk.objects.filter(job=OuterRef("pk")).order_by().values("job").annotate(all=Sum("done")).values("all")
    Job.objects.filter(pk=job.pk, state__in=UNFINISHED).update(done=Coalesce(Subquery(found), Value(0)))


def fail(job: Job, error: str) -> None:
    """End the job for a reason found by a helper; the run that holds it finds out at its next step."""
    Job.objects.filter(pk=job.pk, state__in=UNFINISHED).update(
        state=JobState.FAILED, error=error, finished_at=timezone.now()
    )


def clear_finished() -> None:
    """Chunks of jobs that have ended are of no use."""
    JobChunk.objects.filter(job__state__in=FINISHED).delete()


# --- Making room ----------------------------------------------------------------------------------
def give_way(job: Job) -> None:
    """Between two chunks: do the urgent jobs that wait in this queue, which would wait for the whole job otherwise."""
    if job.urgent:
        return
    urgent = Job.objects.filter(queue=job.queue, state=JobState.QUEUED, urgent=True).order_by("created_at")
    for pk, kind in urgent.values_list("pk", "kind")[:100]:
        if (task := current_app.tasks.get(kind)) is not None:
            task(str(pk))
