"""Long reads go to a replica of the database, where there is one: dashboards' figures and exports.

Requests keep to the primary: who saves something sees it at once. A long read sees all that was committed before it
began, too: it waits until the replica has come so far, and asks the primary where that takes too long or the replica
does not answer.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, router
from django.db.models import Model

logger = logging.getLogger(__name__)

REPLICA = "replica"
WAIT_SECONDS = 10.0
"""So long a read waits for what was committed before it."""

_reading: ContextVar[bool] = ContextVar("reads_from_replica", default=False)


class Router:
    """Send reads inside ``from_replica`` to the replica, and everything else to the primary."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        return REPLICA if _reading.get() else DEFAULT_DB_ALIAS

    def db_for_write(self, model: type[Model], **hints: Any) -> str:
        return DEFAULT_DB_ALIAS

    def allow_relation(self, one: Model, other: Model, **hints: Any) -> bool:
        return True  # the rows of both are the same

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == DEFAULT_DB_ALIAS


@contextmanager
def from_replica() -> Iterator[bool]:
    """Read from the replica inside the block; yields whether it does.

    Without a replica, or with one that does not answer or stays behind, the block reads from the primary.
    """
    if _reading.get() or REPLICA not in connections.settings or not _has_caught_up():
        yield _reading.get()
        return
    token = _reading.set(True)
    try:
        yield True
    finally:
        _reading.reset(token)


def reading_connection() -> Any:
    """Get the connection that reads without a model use: the replica's inside ``from_replica``."""
    return connections[router.db_for_read(Model)]


def _has_caught_up() -> bool:
    """Wait until the replica has everything that the primary has committed by now."""
    deadline = time.monotonic() + WAIT_SECONDS
    try:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute("SELECT pg_current_wal_lsn()::text")
            (here,) = cursor.fetchone()
        while True:
            with connections[REPLICA].cursor() as cursor:
                cursor.execute("SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn() >= %s::pg_lsn", [here])
                replicates, has = cursor.fetchone()
            if has or not replicates:  # a primary of its own is no replica of ours: it is told by having no position
                return bool(has)
            if time.monotonic() > deadline:
                logger.warning("the replica is more than %s s behind; reading from the primary", WAIT_SECONDS)
                return False
            time.sleep(0.05)
    except DatabaseError as error:
        connections[REPLICA].close()
        logger.warning("the replica does not answer; reading from the primary: %s", error)
        return False
