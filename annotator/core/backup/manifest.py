"""What a backup says about itself."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext

from annotator.core.errors import ProblemError
from reward_engine.storage import read_json, written

MANIFEST, TABLES, FILES, STORE = "manifest.json", "tables", "files.jsonl", "files"
FORMAT = 1


@dataclass(frozen=True)
class TableCopy:
    """A table: its columns in the order of the file, its rows, and the SHA-256 of the file."""

    name: str
    columns: list[str]
    rows: int
    sha256: str


@dataclass(frozen=True)
class FileCopy:
    """A file below a root: ``root`` by its name in ``kept_folders``, ``time_ns`` of its last change."""

    root: str
    path: str
    size: int
    time_ns: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """A whole backup.

    ``migrations``: (app, name) of each that was applied. ``sequences``: their last values, None where none was drawn.
    ``files`` and ``file_bytes`` count what lies below the roots; ``new_files`` what no earlier backup had.
    """

    name: str
    version: str
    made_at: str
    migrations: list[list[str]]
    tables: list[TableCopy]
    sequences: dict[str, int | None]
    files: int
    file_bytes: int
    new_files: int
    format: int = FORMAT

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(table.rows for table in self.tables)

    def plain(self) -> dict[str, Any]:
        """List what is written."""
        return dataclasses.asdict(self)


def stored(folder: Path, sha256: str) -> Path:
    """Where a file of this content lies in a folder of backups."""
    return folder / STORE / sha256[:2] / sha256


def read_manifest(folder: Path, name: str) -> Manifest:
    """Read the manifest of a backup.

    Raises:
        ProblemError: If there is no whole backup of this name, or a newer version made it.
        ArtifactError: If the file cannot be read.
    """
    if not (folder / name / MANIFEST).is_file():
        there = ", ".join(whole_backups(folder)) or gettext("none")
        raise ProblemError(
            gettext("There is no whole backup “%(name)s”. Backups here: %(there)s.") % {"name": name, "there": there},
            code="no_backup",
        )
    content = read_json(folder / name / MANIFEST)
    if content.get("format") != FORMAT:
        raise ProblemError(
            gettext("The backup “%(name)s” has another format. Restore it with the version that made it: %(version)s.")
            % {"name": name, "version": content.get("version", "?")},
            code="format",
        )
    return Manifest(**{**content, "tables": [TableCopy(**table) for table in content["tables"]]})


def whole_backups(folder: Path) -> list[str]:
    """List the names of the whole backups in a folder, oldest first."""
    return sorted(path.parent.name for path in folder.glob(f"*/{MANIFEST}"))


def newest(folder: Path) -> str | None:
    """Name the newest whole backup."""
    return next(reversed(whole_backups(folder)), None)


def read_files(folder: Path, name: str) -> Iterator[FileCopy]:
    """Read the list of files of a backup."""
    with (folder / name / FILES).open(encoding="utf-8") as lines:
        for line in lines:
            yield FileCopy(**json.loads(line))


def write_files(folder: Path, name: str, files: Iterator[FileCopy]) -> tuple[int, int]:
    """Write the list of files of a backup; returns how many there are, and their bytes."""
    count = size = 0
    with written(folder / name / FILES, mode=0o600) as target:
        for file in files:
            target.write((json.dumps(dataclasses.asdict(file), ensure_ascii=False) + "\n").encode())
            count, size = count + 1, size + file.size
    return count, size
