"""A Celery worker begins and ends: it says that it lives, and answers Prometheus where it is asked to."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from typing import Any

from celery.worker import state
from prometheus_client import start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from annotator.core.metrics import registry
from annotator.jobs.workers import Doing, Speaker

logger = logging.getLogger(__name__)

_speaker: Speaker | None = None


def begin(sender: Any) -> None:
    """Start to speak for the worker whose consumer is ready."""
    global _speaker
    if _speaker is not None:  # it has lost the broker and found it again
        return
    queues = sorted(sender.app.amqp.queues.consume_from)
    _speaker = Speaker(sender.hostname, queues, int(sender.controller.concurrency or 1), doing)
    _speaker.start()
    if port := os.environ.get("WORKER_METRICS_PORT"):
        try:
            start_http_server(
                int(port), addr=os.environ.get("WORKER_METRICS_BIND", "127.0.0.1"), registry=registry([gpu_metrics])
            )
        except (OSError, ValueError) as error:
            logger.error("no metrics on WORKER_METRICS_PORT=%s: %s", port, error)


def end() -> None:
    """Stop to speak."""
    if _speaker is not None:
        _speaker.stop()


def doing() -> list[Doing]:
    """List the tasks that the processes of this worker are at."""
    found = []
    for request in list(state.active_requests):
        given = request.args or ()
        job = given[0] if given and isinstance(given[0], str) and len(given[0]) == 36 else ""
        found.append(Doing(request.name, job))
    return sorted(found, key=lambda one: (one.task, one.job))


def gpu_metrics() -> Iterable[Metric]:
    """Tell the memory of this worker's GPUs, as read a moment ago."""
    used = GaugeMetricFamily("visionreward_gpu_memory_used_bytes", "Memory in use of a GPU.", labels=["gpu"])
    total = GaugeMetricFamily("visionreward_gpu_memory_total_bytes", "Memory of a GPU.", labels=["gpu"])
    for gpu in _speaker.gpus if _speaker is not None else ():
        used.add_metric([str(gpu.index)], gpu.used_bytes)
        total.add_metric([str(gpu.index)], gpu.total_bytes)
    return [used, total]
