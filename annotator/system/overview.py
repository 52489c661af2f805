"""How the platform is right now: what can be asked at once. What takes longer is in ``storage``."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.db import connection
from django.db.models import Case, Count, DateTimeField, F, Min, Q, When
from django.utils import timezone

from annotator.core.backup import newest
from annotator.core.health import pending_migrations
from annotator.jobs.models import Job, JobState, Queue
from annotator.jobs.workers import Worker, broker, known_workers, last_sweep
from annotator.system.storage import folders
from reward_engine import __version__

_started_at: datetime | None = None


def note_start() -> None:
    """Note when this program began; the processes of a web server that are forked later share it."""
    global _started_at
    _started_at = _started_at or timezone.now()


@dataclass(frozen=True)
class Database:
    """``connections`` of all clients, and how many the server allows."""

    version: str
    size_bytes: int
    connections: int
    most_connections: int


@dataclass(frozen=True)
class Broker:
    """``answers`` False where nothing else is known of it."""

    answers: bool
    version: str = ""
    milliseconds: float = 0.0
    memory_bytes: int = 0


@dataclass(frozen=True)
class QueueState:
    """Jobs of a queue. ``oldest_seconds``: how long the oldest waiting job has waited; None where none waits.

    ``running``: jobs by kind. ``workers``: how many live; None where the broker does not say.
    """

    name: str
    waiting: int = 0
    oldest_seconds: float | None = None
    running: dict[str, int] = field(default_factory=dict)
    workers: int | None = None


@dataclass(frozen=True)
class Disk:
    """The disk under a folder. ``free_bytes``: what this program may still write."""

    folder: str
    free_bytes: int
    total_bytes: int

    @property
    def free_share(self) -> float:
        """What of the disk is free, 0..1."""
        return self.free_bytes / self.total_bytes if self.total_bytes else 0.0


@dataclass(frozen=True)
class Backup:
    """``is_automatic``: a worker makes them. ``made_at``: of the newest whole one, None where there is none."""

    is_automatic: bool
    every_seconds: float
    made_at: datetime | None = None

    @property
    def age_seconds(self) -> float | None:
        """How old the newest one is."""
        return None if self.made_at is None else (timezone.now() - self.made_at).total_seconds()


@dataclass(frozen=True)
class Overview:
    """All of it. ``workers`` is None where the broker does not answer, ``sweep_age_seconds`` where none is known."""

    version: str
    started_at: datetime
    database: Database
    pending_migrations: int
    broker: Broker
    workers: list[Worker] | None
    sweep_age_seconds: float | None
    queues: list[QueueState]
    disks: list[Disk]
    backup: Backup


def overview() -> Overview:
    """Ask the database, the broker and the disks; nothing here grows with the data, but for the jobs that wait."""
    workers = _asked(known_workers)
    sweep = _asked(last_sweep)
    return Overview(
        version=__version__,
        started_at=_started_at or timezone.now(),
        database=read_database(),
        pending_migrations=pending_migrations(),
        broker=read_broker(),
        workers=workers,
        sweep_age_seconds=None if sweep is None else time.time() - sweep,
        queues=read_queues(workers),
        disks=read_disks(),
        backup=read_backup(),
    )


def _asked(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except redis.RedisError:
        return None


def read_database() -> Database:
    """Ask the server about itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT current_setting('server_version'), pg_database_size(current_database()),
                      (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
                      current_setting('max_connections')::int"""
        )
        version, size, connections, most = cursor.fetchone()
    return Database(version.split()[0], size, connections, most)


def read_broker() -> Broker:
    """Ask the broker about itself."""
    start = time.perf_counter()
    try:
        with broker() as asked:
            said: dict[str, Any] = asked.info()
    except redis.RedisError:
        return Broker(answers=False)
    name = "Valkey" if "valkey_version" in said else "Redis"
    version = said.get("valkey_version") or said.get("redis_version", "")
    return Broker(True, f"{name} {version}", 1000 * (time.perf_counter() - start), int(said.get("used_memory", 0)))


def read_queues(workers: list[Worker] | None) -> list[QueueState]:
    """Count the jobs of each queue that wait and run, with one query over the unfinished ones."""
    # One that was put back waits since then, not since it was requested.
    since = Case(When(attempts=0, then=F("created_at")), default=F("heartbeat_at"), output_field=DateTimeField())
    rows = list(
        Job.objects.filter(state__in=[JobState.QUEUED, JobState.RUNNING])
        .order_by()
        .values("queue", "state", "kind")
        .annotate(n=Count("pk"), oldest=Min(since, filter=Q(state=JobState.QUEUED)))
    )
    now = timezone.now()
    found = []
    for name in Queue.values:
        waiting = [row for row in rows if (row["queue"], row["state"]) == (name, JobState.QUEUED)]
        running = [row for row in rows if (row["queue"], row["state"]) == (name, JobState.RUNNING)]
        oldest = min((row["oldest"] for row in waiting if row["oldest"]), default=None)
        found.append(
            QueueState(
                name,
                sum(row["n"] for row in waiting),
                None if oldest is None else max(0.0, (now - oldest).total_seconds()),
                {row["kind"]: row["n"] for row in running},
                None if workers is None else sum(worker.is_alive and name in worker.queues for worker in workers),
            )
        )
    return found


def read_disks() -> list[Disk]:
    """Look at the disk under each folder; one that does not exist yet is on its parent's."""
    found = []
    for name, folder in folders().items():
        there = next((place for place in (folder, *folder.parents) if place.is_dir()), Path("/"))
        try:
            said = os.statvfs(there)
        except OSError:
            continue
        found.append(Disk(name, said.f_bavail * said.f_frsize, said.f_blocks * said.f_frsize))
    return found


def read_backup() -> Backup:
    """Find the newest backup by its name, which says when it was made."""
    folder, every = settings.BACKUP_FOLDER, 3600.0 * settings.BACKUP_EVERY_HOURS
    if folder is None:
        return Backup(False, every)
    try:
        name = newest(folder)
        made_at = None if name is None else datetime.strptime(name, "%Y-%m-%dT%H-%M-%S.%fZ").replace(tzinfo=UTC)
    except (OSError, ValueError):
        made_at = None
    return Backup(True, every, made_at)


def jobs_by_id(workers: list[Worker]) -> dict[str, Job]:
    """Find the jobs that workers are at, with one query."""
    ids = {doing.job for worker in workers for doing in worker.doing if doing.job}
    return {str(job.pk): job for job in Job.objects.filter(pk__in=ids)} if ids else {}


STUCK = timedelta(minutes=15)
"""So long a job may wait while none of its queue runs."""
