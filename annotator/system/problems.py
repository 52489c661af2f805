"""What is wrong, in words, with what to do: the worst first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotator.core.templatetags.core_tags import size, span
from annotator.system.overview import STUCK, Overview

ERROR, WARNING = "error", "warning"
# The alert rules of deploy/monitoring hold the same limits.
LITTLE_FREE, HARDLY_FREE = 0.10, 0.03
SWEEP_LATE_SECONDS = 300.0
MOST_CONNECTIONS = 0.85


@dataclass(frozen=True)
class Problem:
    """``code`` for programs, ``text`` says what is wrong, ``remedy`` what to do."""

    code: str
    severity: str
    text: str
    remedy: str


def problems(found: Overview) -> list[Problem]:
    """List what is wrong, errors before warnings."""
    every = [*_database(found), *_broker(found), *_workers(found), *_queues(found), *_disks(found), *_backup(found)]
    return sorted(every, key=lambda problem: problem.severity != ERROR)


def _database(found: Overview) -> Iterator[Problem]:
    if n := found.pending_migrations:
        yield Problem(
            "migrations", ERROR,
            ngettext(
                "%(n)s migration is not applied: the program is newer than the database.",
                "%(n)s migrations are not applied: the program is newer than the database.", n,
            ) % {"n": n},
            _("Run “manage.py migrate”; with Compose, “docker compose run --rm migrate”."),
        )  # fmt: skip
    used, most = found.database.connections, found.database.most_connections
    if used > MOST_CONNECTIONS * most:
        yield Problem(
            "connections", WARNING,
            _("%(used)s of the database’s %(most)s connections are in use.") % {"used": used, "most": most},
            _("Raise max_connections of PostgreSQL, or lower DATABASE_POOL_SIZE or WEB_PROCESSES."),
        )  # fmt: skip


def _broker(found: Overview) -> Iterator[Problem]:
    if not found.broker.answers:
        yield Problem(
            "broker", ERROR,
            _("The broker does not answer, so jobs wait and nothing is known about workers."),
            _("Start Valkey or Redis and check CELERY_BROKER_URL. Jobs that wait are sent again by themselves."),
        )  # fmt: skip
        return
    age = found.sweep_age_seconds
    if age is None or age > SWEEP_LATE_SECONDS:
        yield Problem(
            "sweeps", ERROR,
            _("The regular sweeps have not run yet: lost jobs, expired leases, and backups are left alone.")
            if age is None
            else _("The regular sweeps last ran %(age)s ago: lost jobs, expired leases, and backups are left alone.")
            % {"age": span(timedelta(seconds=age))},
            _("Check that beat runs, and that a worker of the queue default lives and is not busy for hours."),
        )  # fmt: skip


def _workers(found: Overview) -> Iterator[Problem]:
    for worker in found.workers or ():
        if not worker.is_alive:
            yield Problem(
                "worker_missed", WARNING,
                _("The worker %(name)s has ended without notice.") % {"name": worker.name},
                _("Look for the reason at the end of its log, most often too little memory, and start it again. "
                  "It is forgotten after a day."),
            )  # fmt: skip
        elif worker.version != found.version:
            yield Problem(
                "worker_version", WARNING,
                _("The worker %(name)s runs version %(theirs)s, the web server %(ours)s.")
                % {"name": worker.name, "theirs": worker.version, "ours": found.version},
                _("Restart it with the same version as the web server."),
            )  # fmt: skip


def _queues(found: Overview) -> Iterator[Problem]:
    for queue in found.queues:
        if queue.workers == 0:
            yield Problem(
                "no_worker", ERROR if queue.waiting else WARNING,
                ngettext(
                    "No worker takes jobs from the queue %(queue)s; %(n)s job waits.",
                    "No worker takes jobs from the queue %(queue)s; %(n)s jobs wait.", queue.waiting,
                ) % {"queue": queue.name, "n": queue.waiting},
                _("Start a worker of this queue; the table of processes in docs/operations.md says how."),
            )  # fmt: skip
        elif queue.waiting and not queue.running and (queue.oldest_seconds or 0.0) > STUCK.total_seconds():
            yield Problem(
                "queue_stuck", ERROR,
                _("Jobs of the queue %(queue)s have waited for %(age)s and none runs.")
                % {"queue": queue.name, "age": span(timedelta(seconds=queue.oldest_seconds or 0.0))},
                _("Restart the workers of this queue. If that does not help, look into their logs."),
            )  # fmt: skip


def _disks(found: Overview) -> Iterator[Problem]:
    names: dict[tuple[int, int], list[str]] = {}
    for disk in found.disks:  # folders on one disk are one problem
        if disk.free_share < LITTLE_FREE:
            names.setdefault((disk.free_bytes, disk.total_bytes), []).append(disk.folder)
    for (free, total), folders in names.items():
        yield Problem(
            "disk", ERROR if free < HARDLY_FREE * total else WARNING,
            _("Only %(free)s of %(total)s are free on the disk of %(folders)s.")
            % {"free": size(free), "total": size(total), "folders": ", ".join(folders)},
            _("Add space, delete exports and old backups, or run “manage.py remove_orphans”."),
        )  # fmt: skip


def _backup(found: Overview) -> Iterator[Problem]:
    backup = found.backup
    if not backup.is_automatic:
        yield Problem(
            "no_backups", WARNING,
            _("No automatic backups are set up."),
            _("Set BACKUP_FOLDER, or ignore this if another program backs up the database and the files."),
        )  # fmt: skip
        return
    age = backup.age_seconds
    if age is None:
        yield Problem(
            "backup_missing", WARNING,
            _("There is no backup in BACKUP_FOLDER yet."),
            _("One is made every %(every)s. Make the first one now with “manage.py backup FOLDER”.")
            % {"every": span(timedelta(seconds=backup.every_seconds))},
        )  # fmt: skip
    elif age > 2 * backup.every_seconds:
        yield Problem(
            "backup_old", ERROR,
            _("The last backup is %(age)s old; one is due every %(every)s.")
            % {"age": span(timedelta(seconds=age)), "every": span(timedelta(seconds=backup.every_seconds))},
            _("Look for “core.back_up” in the log of the worker of the queue default, and check the disk’s space."),
        )  # fmt: skip
