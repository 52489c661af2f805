"""Remove old backups, and stored files that no backup names any more."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from annotator.core.backup.lock import alone
from annotator.core.backup.manifest import MANIFEST, STORE, read_files, whole_backups


@dataclass(frozen=True)
class Pruned:
    """What was removed, or would be: backups by name, how many files, and their bytes."""

    backups: list[str]
    files: int
    file_bytes: int


def prune(folder: Path, keep: int, *, dry_run: bool = False) -> Pruned:
    """Keep the newest backups of a folder and remove the others.

    Args:
        keep: How many stay; at least 1.
        dry_run: Remove nothing.

    Raises:
        ConflictError: If a backup is being made: what it has stored so far is named by none yet.
    """
    if keep < 1:
        raise ValueError("At least one backup must be kept.")
    with alone():
        return _pruned(folder, keep, dry_run)


def _pruned(folder: Path, keep: int, dry_run: bool) -> Pruned:
    names = whole_backups(folder)
    stay, go = names[-keep:], names[:-keep]
    named = {file.sha256 for name in stay for file in read_files(folder, name)}
    if not dry_run:
        for name in go:
            (folder / name / MANIFEST).unlink()  # first: a backup that is half removed must not look whole
            shutil.rmtree(folder / name)
    count = size = 0
    for path in _stored_files(folder):
        if path.name not in named:
            count, size = count + 1, size + path.stat().st_size
            if not dry_run:
                path.unlink()
    return Pruned(go, count, size)


def _stored_files(folder: Path) -> Iterator[Path]:
    for path in sorted((folder / STORE).glob("??/*")):
        if not path.name.startswith("."):
            yield path
