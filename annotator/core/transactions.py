"""Rows that many people want are locked for as short as can be."""

from collections.abc import Sequence
from typing import Any

from django.db import connection


def write_last(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The last write of the present transaction, sent to the server in one message with the commit; its rows, where it
    returns some.

    Whoever waits for a row that is written here waits for the server alone. Between a write and a commit sent by
    itself lie a way there and back and, in a busy process, the turns of all its other threads: with many people on one
    row that adds up to what they notice.

    Inside another transaction (a test's, or a caller's that has more to do) it is a write like any other. What the
    same block does after it is a transaction of its own.
    """
    outermost = connection.in_atomic_block and not connection.savepoint_ids
    with connection.cursor() as cursor:
        cursor.execute(f"{sql}; COMMIT" if outermost else sql, parameters)
        return cursor.fetchall() if cursor.description else []
