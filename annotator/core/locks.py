"""Locks that outlive transactions: one process at a time, across all machines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def held_lock(key: int, *, wait: bool) -> Iterator[bool]:
    """Hold a lock of the database while the block runs; yields whether it is held.

    It lives in a transaction of a connection of its own. A lock of the session would be left behind on whatever server
    connection a pooler such as PgBouncer lent for one statement.

    Args:
        wait: Wait for whoever holds it, instead of going on without it.
    """
    own = connection.copy()
    try:
        own.set_autocommit(False)
        with own.cursor() as cursor:
            if wait:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
                held = True
            else:
                cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [key])
                (held,) = cursor.fetchone()
        yield held
    finally:
        own.close()  # which ends the transaction, and with it the lock
