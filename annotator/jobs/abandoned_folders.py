"""Folders that jobs and requests leave behind when they are killed."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Container, Iterable
from datetime import timedelta
from pathlib import Path

from annotator.jobs.models import FINISHED, Job

ABANDONED_AFTER = timedelta(hours=1)

# "<job>-<attempt>", and ".<job>-<attempt>" or ".<job>-<attempt>.<process>-<random>" while it is being written.
_ATTEMPT = re.compile(r"\.?(?P<job>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-\d+(?:\..*)?")


def job_of(folder: Path) -> str | None:
    """Read which job a folder is an attempt of; None where it is none."""
    name = _ATTEMPT.fullmatch(folder.name)
    return name["job"] if name else None


def is_being_written(job: str, own: Job | None = None) -> bool:
    """Tell whether a job may still be writing its folder.

    Args:
        job: Its id.
        own: The job that asks, which is writing none yet.
    """
    writing = Job.objects.filter(pk=job).exclude(state__in=FINISHED)
    return (writing if own is None else writing.exclude(pk=own.pk)).exists()


def remove_abandoned(folders: Iterable[Path], *, known: Container[str], wanted: Container[str]) -> int:
    """Remove folders, named by their row's id, that nobody needs.

    Args:
        folders: All that are there.
        known: Names whose row is there. A row that is just being made is not committed yet, so not found: young
            folders are left alone.
        wanted: Names whose row still needs the folder.

    Returns:
        How many were removed.
    """
    removed = 0
    for folder in folders:
        young = time.time() - folder.stat().st_mtime < ABANDONED_AFTER.total_seconds()
        if folder.name not in wanted and (folder.name in known or not young):
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return removed
