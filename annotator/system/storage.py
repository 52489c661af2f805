"""What takes long to find out about the machine: worked out by a worker, never while a page waits."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction

from annotator.core.folders import kept_folders

STORAGE = "system.storage"
SLOWEST = 8
LONGEST_TEXT = 300


@dataclass(frozen=True)
class Query:
    """A kind of query, its values left out. ``mean_ms``, ``total_seconds``: since the statistics were last reset."""

    text: str
    calls: int
    mean_ms: float
    total_seconds: float


def folders() -> dict[str, Path]:
    """Name the folders whose disks may fill up."""
    found = dict(kept_folders())
    if settings.BACKUP_FOLDER is not None:
        found["backups"] = settings.BACKUP_FOLDER
    return found


def measure(_of: Any = None) -> dict[str, Any]:
    """Add up the bytes of each folder and of the exports among them, and find the slowest queries."""
    used = {name: bytes_below(folder) for name, folder in folders().items()}
    used["exports"] = bytes_below(Path(settings.ARTIFACT_ROOT) / "datasets")
    return {"used": used, "slowest": slowest_queries()}


def bytes_below(folder: Path) -> int:
    """Add up the sizes of the files below a folder; what goes meanwhile counts for nothing."""
    total = 0
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    try:
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(Path(entry.path))
                        elif entry.is_file(follow_symlinks=False):
                            total += entry.stat(follow_symlinks=False).st_size
                    except FileNotFoundError:
                        continue
        except OSError:
            continue
    return total


def slowest_queries() -> list[Query] | None:
    """List the queries that took most of the database's time; None without ``pg_stat_statements``."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'pg_stat_statements'")
            if cursor.fetchone() is None:
                return None
            cursor.execute(
                """SELECT query, calls, mean_exec_time, total_exec_time / 1000 FROM pg_stat_statements
                   WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
                   ORDER BY total_exec_time DESC LIMIT %s""",
                [SLOWEST],
            )
            return [Query(" ".join(row[0].split())[:LONGEST_TEXT], *row[1:]) for row in cursor.fetchall()]
    except DatabaseError:  # it is installed but not loaded, or this user may not read it
        return None
