"""Which workers live and what each does: they say so every few seconds, and pages read it at once.

Asking the workers themselves takes as long as the slowest of them. So each writes a line into the broker, from a
thread of its main process, which computes nothing. A worker that is stopped takes its line out; one that dies leaves
it, so that it is missed.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import redis
from django.conf import settings

from annotator.jobs.gpu_memory import Gpu, read_gpus
from reward_engine import __version__

logger = logging.getLogger(__name__)

KEY = "visionreward:workers"
SWEPT = "visionreward:swept-at"
EVERY_SECONDS = 5.0
GPU_EVERY_SECONDS = 15.0
ALIVE_SECONDS = 30.0
"""So long after its last word a worker is taken for alive."""
MISSED_SECONDS = 24 * 3600.0
"""So long one that died is missed; then it is forgotten."""
ANSWER_SECONDS = 2.0


@dataclass(frozen=True)
class Doing:
    """A task that a worker is at. ``job``: its job's id, "" where it has none."""

    task: str
    job: str = ""


@dataclass(frozen=True)
class Worker:
    """What a worker last said of itself. ``said_at`` and ``started_at``: seconds since the epoch."""

    name: str
    queues: list[str]
    processes: int
    version: str
    started_at: float
    said_at: float
    doing: list[Doing] = field(default_factory=list)
    gpus: list[Gpu] = field(default_factory=list)

    @property
    def is_alive(self) -> bool:
        """Whether it has spoken a moment ago."""
        return time.time() - self.said_at < ALIVE_SECONDS


def broker() -> redis.Redis:
    """Connect to the broker for a question that must not take long."""
    return redis.Redis.from_url(
        settings.BROKER_URL, socket_connect_timeout=ANSWER_SECONDS, socket_timeout=ANSWER_SECONDS
    )


def say(worker: Worker) -> None:
    """Write a worker's line."""
    with broker() as connection:
        connection.hset(KEY, worker.name, json.dumps(asdict(worker)))


def say_goodbye(name: str) -> None:
    """Take the line of a worker out, which stops as it should."""
    with broker() as connection:
        connection.hdel(KEY, name)


def known_workers() -> list[Worker]:
    """List the workers that live, and those that are missed.

    Raises:
        redis.RedisError: If the broker does not answer.
    """
    with broker() as connection:
        lines: dict[bytes, bytes] = connection.hgetall(KEY)
        found = [_read(line) for line in lines.values()]
        forgotten = [worker.name for worker in found if time.time() - worker.said_at > MISSED_SECONDS]
        if forgotten:
            connection.hdel(KEY, *forgotten)
    return sorted((worker for worker in found if worker.name not in forgotten), key=lambda worker: worker.name)


def note_sweep() -> None:
    """Note that beat and a worker of the queue ``default`` work together: a sweep has just begun."""
    try:
        with broker() as connection:
            connection.set(SWEPT, time.time())
    except redis.RedisError:
        logger.warning("the broker does not answer", exc_info=True)


def last_sweep() -> float | None:
    """When the last sweep began, in seconds since the epoch; None where none has.

    Raises:
        redis.RedisError: If the broker does not answer.
    """
    with broker() as connection:
        said = connection.get(SWEPT)
    return None if said is None else float(said)


def _read(line: bytes) -> Worker:
    # A worker of another version may say more.
    fields = _known(Worker, json.loads(line))
    fields["doing"] = [Doing(**_known(Doing, one)) for one in fields.get("doing", ())]
    fields["gpus"] = [Gpu(**_known(Gpu, one)) for one in fields.get("gpus", ())]
    return Worker(**fields)


def _known(kind: type[Any], said: dict[str, Any]) -> dict[str, Any]:
    return {name: said[name] for name in kind.__dataclass_fields__ if name in said}


class Speaker:
    """The thread of a worker's main process that says every few seconds how it is."""

    def __init__(self, name: str, queues: list[str], processes: int, doing: Callable[[], list[Doing]]) -> None:
        self.name, self.queues, self.processes, self.doing = name, queues, processes, doing
        self.started_at = time.time()
        self.gpus: list[Gpu] = []
        self._gpus_read_at: float | None = None
        self._has_driver = True
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="speaker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Say goodbye."""
        self._stop.set()
        self._thread.join(2 * ANSWER_SECONDS)
        try:
            say_goodbye(self.name)
        except redis.RedisError:
            logger.warning("the broker does not answer", exc_info=True)

    def speak(self) -> None:
        """Write the line as things stand."""
        self._read_gpus()
        say(
            Worker(
                name=self.name,
                queues=self.queues,
                processes=self.processes,
                version=__version__,
                started_at=self.started_at,
                said_at=time.time(),
                doing=self.doing(),
                gpus=self.gpus,
            )
        )

    def _read_gpus(self) -> None:
        now = time.monotonic()
        if not self._has_driver or (self._gpus_read_at and now - self._gpus_read_at < GPU_EVERY_SECONDS):
            return
        found = read_gpus(os.environ)
        self._has_driver, self.gpus, self._gpus_read_at = found is not None, found or [], now

    def _run(self) -> None:
        while True:
            try:
                self.speak()
            except Exception:
                logger.warning("could not say that this worker lives", exc_info=True)
            if self._stop.wait(EVERY_SECONDS):
                return
