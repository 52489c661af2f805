"""Tables of the database, out of it and into it, by PostgreSQL's COPY."""

from __future__ import annotations

import gzip
from pathlib import Path

from django.db import connection
from psycopg import sql

from annotator.core.backup.manifest import TableCopy
from reward_engine.storage import file_sha256, written

_COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""
_SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1"


def table_names() -> list[str]:
    """List the tables of the database."""
    return sorted(connection.introspection.table_names())


def sequences() -> dict[str, int | None]:
    """Read the last value of each sequence, None where none was drawn yet."""
    with connection.cursor() as cursor:
        cursor.execute(_SEQUENCES)
        return dict(cursor.fetchall())


def dump(table: str, path: Path) -> TableCopy:
    """Write the rows of a table to a compressed file."""
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS, [f'"{table}"'])
        columns = [name for (name,) in cursor.fetchall()]
        statement = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(_listed(columns), sql.Identifier(table))
        with written(path, mode=0o600) as raw, gzip.GzipFile("", "wb", 1, raw, mtime=0) as target:
            with cursor.copy(statement.as_string(cursor.connection)) as copy:
                for part in copy:
                    target.write(part)
            rows = cursor.rowcount
    return TableCopy(table, columns, rows, file_sha256(path))


def load(table: TableCopy, path: Path) -> int:
    """Add the rows of a file to a table; returns how many."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), _listed(table.columns))
    with connection.cursor() as cursor, gzip.open(path, "rb") as source:
        with cursor.copy(statement.as_string(cursor.connection)) as copy:
            while part := source.read(1 << 20):
                copy.write(part)
        return int(cursor.rowcount)


def _listed(columns: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
