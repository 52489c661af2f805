"""What the web server tells Prometheus about the whole platform, kept for some seconds however many scrape."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from django.core.cache import cache
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from annotator.accounts.models import Invitation
from annotator.system.overview import Overview, overview

logger = logging.getLogger(__name__)

KEPT, KEPT_SECONDS = "system:metrics", 5
UP = "visionreward_database_up"
# Name → (help, labels).
GAUGES: dict[str, tuple[str, list[str]]] = {
    UP: ("1 while the database answers.", []),
    "visionreward_broker_up": ("1 while the broker answers.", []),
    "visionreward_queue_jobs_waiting": ("Jobs that wait in a queue.", ["queue"]),
    "visionreward_queue_oldest_seconds": ("How long the oldest waiting job has waited; 0 where none waits.", ["queue"]),
    "visionreward_jobs_running": ("Jobs that run.", ["queue", "kind"]),
    "visionreward_queue_jobs_running": ("Jobs of a queue that run.", ["queue"]),
    "visionreward_workers": ("Workers that live, by the queue that they take jobs from.", ["queue"]),
    "visionreward_workers_missed": ("Workers that ended without notice in the last day.", []),
    "visionreward_sweep_age_seconds": ("Time since beat's sweep for lost jobs last ran.", []),
    "visionreward_database_bytes": ("Size of the database.", []),
    "visionreward_database_connections": ("Connections to the database server.", []),
    "visionreward_database_connections_max": ("Connections that the database server allows.", []),
    "visionreward_migrations_pending": ("Migrations that are not applied.", []),
    "visionreward_disk_free_bytes": ("Free bytes on the disk of a folder.", ["folder"]),
    "visionreward_disk_total_bytes": ("Bytes of the disk of a folder.", ["folder"]),
    "visionreward_backup_age_seconds": ("Age of the newest backup; absent where there is none.", []),
    "visionreward_backup_every_seconds": ("How often a backup is due; absent without BACKUP_FOLDER.", []),
    "visionreward_invitations_open": ("Invitations that can still be used.", []),
}
Values = dict[str, list[tuple[list[str], float]]]


def look_up() -> Iterable[Metric]:
    """Look the values up, or take those that another scrape found a moment ago."""
    for name, values in _values().items():
        text, labels = GAUGES[name]
        metric = GaugeMetricFamily(name, text, labels=labels)
        for given, value in values:
            metric.add_metric(given, value)
        yield metric


def _values() -> Values:
    try:
        if (kept := cache.get(KEPT)) is not None:
            return dict(kept)
    except Exception:
        logger.warning("the cache does not answer", exc_info=True)
    try:
        values: Values = {UP: [([], 1.0)], **_of(overview()), "visionreward_invitations_open": [([], _invitations())]}
    except Exception:
        logger.exception("the platform could not be looked at")
        return {UP: [([], 0.0)]}
    try:
        cache.set(KEPT, values, KEPT_SECONDS)
    except Exception:
        logger.warning("the cache does not answer", exc_info=True)
    return values


def _invitations() -> float:
    return float(Invitation.objects.filter(used_by=None, expires_at__gt=timezone.now()).count())


def _of(found: Overview) -> Values:
    one: dict[str, Any] = {
        "visionreward_broker_up": found.broker.answers,
        "visionreward_sweep_age_seconds": found.sweep_age_seconds,
        "visionreward_database_bytes": found.database.size_bytes,
        "visionreward_database_connections": found.database.connections,
        "visionreward_database_connections_max": found.database.most_connections,
        "visionreward_migrations_pending": found.pending_migrations,
        "visionreward_backup_age_seconds": found.backup.age_seconds,
        "visionreward_backup_every_seconds": found.backup.every_seconds if found.backup.is_automatic else None,
        "visionreward_workers_missed": None
        if found.workers is None
        else sum(not worker.is_alive for worker in found.workers),
    }
    values: Values = {name: [([], float(value))] for name, value in one.items() if value is not None}
    queues, disks = found.queues, found.disks
    values["visionreward_queue_jobs_waiting"] = [([queue.name], queue.waiting) for queue in queues]
    values["visionreward_queue_oldest_seconds"] = [([queue.name], queue.oldest_seconds or 0.0) for queue in queues]
    values["visionreward_queue_jobs_running"] = [([queue.name], sum(queue.running.values())) for queue in queues]
    values["visionreward_jobs_running"] = [
        ([queue.name, kind], n) for queue in queues for kind, n in sorted(queue.running.items())
    ]
    values["visionreward_workers"] = [
        ([queue.name], queue.workers) for queue in queues if queue.workers is not None
    ]  # fmt: skip
    values["visionreward_disk_free_bytes"] = [([disk.folder], disk.free_bytes) for disk in disks]
    values["visionreward_disk_total_bytes"] = [([disk.folder], disk.total_bytes) for disk in disks]
    return values
