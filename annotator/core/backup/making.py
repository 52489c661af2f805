"""Make a backup."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from annotator.core.backup import tables
from annotator.core.backup.lock import alone
from annotator.core.backup.manifest import (
    MANIFEST,
    STORE,
    TABLES,
    FileCopy,
    Manifest,
    newest,
    read_files,
    stored,
    write_files,
)
from annotator.core.folders import kept_folders
from reward_engine import __version__
from reward_engine.storage import sync_folder, write_json

PART_BYTES = 1 << 20


def make_backup(folder: Path) -> Manifest:
    """Back up everything into a folder; files that an earlier backup there holds are not copied again.

    Raises:
        ConflictError: If another backup of this database is being made.
        OSError: If the folder cannot be written, for example because its disk is full.
    """
    with alone():
        now = timezone.now()
        name = now.strftime("%Y-%m-%dT%H-%M-%S.%fZ")
        place = folder / name
        place.mkdir(parents=True, mode=0o700)
        try:
            copied, last_values, migrations = _tables(place / TABLES)
            store = _Store(folder)
            files, size = write_files(folder, name, store.copies())
            manifest = Manifest(
                name=name, version=__version__, made_at=now.isoformat(), migrations=migrations, tables=copied,
                sequences=last_values, files=files, file_bytes=size, new_files=store.new,
            )  # fmt: skip
            write_json(place / MANIFEST, manifest.plain())
            sync_folder(folder)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)  # what was stored of its files serves the next one
            raise
    return manifest


def _tables(place: Path) -> tuple[list[tables.TableCopy], dict[str, int | None], list[list[str]]]:
    """Copy all tables as they were at one moment."""
    place.mkdir(mode=0o700)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        migrations = [list(key) for key in MigrationRecorder(connection).applied_migrations()]
        copied = [tables.dump(table, place / f"{table}.gz") for table in tables.table_names()]
        # Sequences know no snapshot: what was drawn since is skipped after a restore, never drawn twice.
        return copied, tables.sequences(), migrations


class _Store:
    """The files of a folder of backups, each content once."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.new = folder, 0
        before = newest(folder)
        known = read_files(folder, before) if before is not None else iter(())
        self.known = {(file.root, file.path): file for file in known}

    def copies(self) -> Iterator[FileCopy]:
        """Store each file below the roots. Unfinished ones (hidden) and those that go meanwhile are left out."""
        for root, top in kept_folders().items():
            for path in _files_below(top):
                try:
                    yield self._copy(root, top, path)
                except FileNotFoundError:
                    continue

    def _copy(self, root: str, top: Path, path: Path) -> FileCopy:
        relative, state = path.relative_to(top).as_posix(), path.stat()
        before = self.known.get((root, relative))
        if (
            before is not None
            and (before.size, before.time_ns) == (state.st_size, state.st_mtime_ns)
            and stored(self.folder, before.sha256).is_file()
        ):
            return before
        return FileCopy(root, relative, state.st_size, state.st_mtime_ns, self._stored(path))

    def _stored(self, path: Path) -> str:
        """Copy a file under its digest, read once, and synced before it has its name."""
        beside = self.folder / STORE / f".{os.getpid()}"
        beside.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        digest = hashlib.sha256()
        try:
            with path.open("rb") as source, beside.open("wb") as target:
                while part := source.read(PART_BYTES):
                    digest.update(part)
                    target.write(part)
                target.flush()
                os.fsync(target.fileno())
            final = stored(self.folder, digest.hexdigest())
            if not final.is_file():
                final.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                beside.replace(final)
                sync_folder(final.parent)
                self.new += 1
        finally:
            beside.unlink(missing_ok=True)
        return digest.hexdigest()


def _files_below(top: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(top):
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder) / name
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                yield path
