"""Restore a backup into an empty database, or in place of what is there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.utils.translation import gettext, ngettext

from annotator.core.backup import tables
from annotator.core.backup.manifest import TABLES, FileCopy, Manifest, read_files, read_manifest, stored
from annotator.core.errors import ConflictError, ProblemError
from annotator.core.folders import kept_folders
from reward_engine.storage import file_sha256, temporary

Say = Callable[[str], object]
MOST_NAMED = 5


def check_backup(folder: Path, name: str) -> Manifest:
    """Read everything of a backup and compare it with its digests.

    Raises:
        ProblemError: If there is no such backup, or something of it is missing or altered; the first ones are named.
    """
    manifest = read_manifest(folder, name)
    wrong = [
        f"{table.name}.gz" for table in manifest.tables if not _holds(_table(folder, name, table.name), table.sha256)
    ]
    seen: dict[str, bool] = {}
    for file in read_files(folder, name):
        if file.sha256 not in seen:
            seen[file.sha256] = _holds(stored(folder, file.sha256), file.sha256)
        if not seen[file.sha256]:
            wrong.append(f"{file.root}/{file.path}")
    if wrong:
        text = ngettext(
            "%(n)s file of the backup is missing or altered: %(names)s.",
            "%(n)s files of the backup are missing or altered: %(names)s.",
            len(wrong),
        )
        names = ", ".join(wrong[:MOST_NAMED]) + (" …" if len(wrong) > MOST_NAMED else "")
        raise ProblemError(text % {"n": f"{len(wrong):,}", "names": names}, code="altered")
    return manifest


def restore_backup(folder: Path, name: str, *, replace: bool = False, say: Say = lambda text: None) -> Manifest:
    """Put back every row and file of a backup, then apply migrations that are newer than it.

    The whole backup is checked before anything is touched. Files that lie below the roots and are not in the backup
    stay where they are.

    Args:
        replace: Delete what the database holds now.

    Raises:
        ProblemError: If there is no such backup, it is damaged, or a newer version of the platform made it.
        ConflictError: If the database holds people and ``replace`` is not given.
    """
    say("Checking the backup")
    manifest = check_backup(folder, name)
    targets = _targets(manifest.migrations)
    if not replace:
        _require_empty()
    say("Restoring files")
    _restore_files(folder, read_files(folder, name))
    say("Restoring tables")
    _restore_tables(folder, manifest, targets)
    say("Applying newer migrations")
    call_command("migrate", interactive=False, verbosity=0)
    return manifest


def _holds(path: Path, sha256: str) -> bool:
    return path.is_file() and file_sha256(path) == sha256


def _table(folder: Path, name: str, table: str) -> Path:
    return folder / name / TABLES / f"{table}.gz"


def _targets(migrations: Iterable[list[str]]) -> list[tuple[str, str]]:
    """The last applied migration of each app, by the graph of the code.

    Raises:
        ProblemError: If the code does not know one.
    """
    loader = MigrationLoader(None)
    applied = {(app, name) for app, name in migrations}
    if unknown := sorted(applied - loader.disk_migrations.keys()):
        raise ProblemError(
            gettext("The backup was made by a newer version: this one has no migration %(name)s. Update, then restore.")
            % {"name": ".".join(unknown[0])},
            code="newer",
        )
    nodes = loader.graph.node_map
    return [
        key for key in sorted(applied)
        if not any(child.key in applied and child.key[0] == key[0] for child in nodes[key].children)
    ]  # fmt: skip


def _require_empty() -> None:
    from django.contrib.auth import get_user_model

    users = get_user_model()
    if users._meta.db_table in tables.table_names() and users.objects.exists():
        raise ConflictError(
            gettext("The database is not empty. Restore into an empty one, or add --replace to delete what it holds."),
            code="not_empty",
        )


def _restore_files(folder: Path, files: Iterable[FileCopy]) -> None:
    tops = kept_folders()
    for file in files:
        path = tops[file.root] / file.path
        if path.is_file() and path.stat().st_size == file.size and file_sha256(path) == file.sha256:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary(path) as beside:
            shutil.copyfile(stored(folder, file.sha256), beside)
            os.utime(beside, ns=(file.time_ns, file.time_ns))


def _restore_tables(folder: Path, manifest: Manifest, targets: Iterable[tuple[str, str]]) -> None:
    """Build the tables as they were and fill them, in one transaction: where that fails, what was there stays."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks to come could not be altered
        for app, migration in targets:
            call_command("migrate", app, migration, interactive=False, verbosity=0)
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")  # rows come table by table, whatever refers to whatever
        names = ", ".join(f'"{table}"' for table in tables.table_names())
        cursor.execute(f"TRUNCATE {names} RESTART IDENTITY CASCADE")  # rows that migrations made
        for table in manifest.tables:
            rows = tables.load(table, _table(folder, manifest.name, table.name))
            if rows != table.rows:
                raise ProblemError(
                    gettext("%(table)s: %(rows)s rows instead of %(wanted)s. The database was left as it was.")
                    % {"table": table.name, "rows": rows, "wanted": table.rows},
                    code="rows",
                )
        for sequence, value in manifest.sequences.items():
            if value is not None:
                cursor.execute("SELECT setval(%s::regclass, %s)", [f'"{sequence}"', value])
