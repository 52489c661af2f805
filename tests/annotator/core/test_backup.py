"""Backups: one at a time, whole or not at all, and old ones removed with what only they held."""

import json
from pathlib import Path

import psycopg
import pytest

from annotator.core import backup
from annotator.core.backup.lock import LOCK
from annotator.core.backup.manifest import FILES, MANIFEST
from annotator.core.errors import ConflictError, ProblemError
from annotator.core.folders import kept_folders
from annotator.core.tasks import back_up
from tests.conftest import test_database_url

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def media(files: Path) -> Path:
    """The folder of media, with a file in it."""
    place = kept_folders()["media"] / "originals"
    place.mkdir(parents=True, exist_ok=True)
    (place / "a.png").write_bytes(b"a")
    return place


def stored(folder: Path) -> set[bytes]:
    return {path.read_bytes() for path in (folder / "files").rglob("*") if path.is_file()}


def test_a_file_is_stored_once_and_unfinished_ones_are_left_out(media: Path, tmp_path: Path) -> None:
    (media / "same.png").write_bytes(b"a")
    (media / ".half.png").write_bytes(b"half")
    made = backup.make_backup(tmp_path / "b")
    assert (made.files, made.new_files) == (2, 1)
    assert stored(tmp_path / "b") == {b"a"}
    assert backup.make_backup(tmp_path / "b").new_files == 0


def test_a_file_that_changed_is_copied_again(media: Path, tmp_path: Path) -> None:
    backup.make_backup(tmp_path)
    (media / "a.png").write_bytes(b"A")
    assert backup.make_backup(tmp_path).new_files == 1
    assert stored(tmp_path) == {b"a", b"A"}


def test_old_backups_go_with_what_only_they_held(media: Path, tmp_path: Path) -> None:
    first = backup.make_backup(tmp_path)
    (media / "a.png").write_bytes(b"newer")
    second = backup.make_backup(tmp_path)
    assert backup.prune(tmp_path, 1, dry_run=True) == backup.Pruned([first.name], 1, 1)
    assert stored(tmp_path) == {b"a", b"newer"}
    assert backup.prune(tmp_path, 1).backups == [first.name]
    assert stored(tmp_path) == {b"newer"}
    assert backup.whole_backups(tmp_path) == [second.name]
    backup.check_backup(tmp_path, second.name)
    with pytest.raises(ValueError, match="At least one"):
        backup.prune(tmp_path, 0)


def test_a_backup_that_fails_leaves_nothing_that_looks_whole(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("annotator.core.backup.making.write_json", full)
    with pytest.raises(OSError, match="No space left"):
        backup.make_backup(tmp_path / "b")
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["files"]
    monkeypatch.undo()
    assert backup.make_backup(tmp_path / "b").new_files == 0  # what was stored serves the next one


def test_there_is_one_backup_at_a_time(media: Path, tmp_path: Path) -> None:
    with psycopg.connect(test_database_url()) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        with pytest.raises(ConflictError, match="Another backup is being made"):
            backup.make_backup(tmp_path)
    backup.make_backup(tmp_path)


def test_nothing_is_removed_while_a_backup_is_made(media: Path, tmp_path: Path) -> None:
    backup.make_backup(tmp_path)
    half = tmp_path / "files" / "ab" / "of a backup without a manifest yet"
    half.parent.mkdir(exist_ok=True)
    half.write_bytes(b"new")
    with psycopg.connect(test_database_url()) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        with pytest.raises(ConflictError, match="Another backup is being made"):
            backup.prune(tmp_path, 1)
    assert half.read_bytes() == b"new"


@pytest.mark.parametrize("part", ["table", "file"])
def test_what_is_missing_is_named(part: str, media: Path, tmp_path: Path) -> None:
    made = backup.make_backup(tmp_path)
    if part == "table":
        (tmp_path / made.name / "tables" / "library_item.gz").unlink()
    else:
        next(path for path in (tmp_path / "files").rglob("*") if path.is_file()).unlink()
    with pytest.raises(ProblemError, match=r"1 file of the backup is missing or altered: .*(library_item|a.png)"):
        backup.check_backup(tmp_path, made.name)


def test_backups_of_newer_versions_and_unknown_names_are_refused(media: Path, tmp_path: Path) -> None:
    made = backup.make_backup(tmp_path)
    with pytest.raises(ProblemError, match=f"no whole backup “nothing”. Backups here: {made.name}"):
        backup.restore_backup(tmp_path, "nothing")
    path = tmp_path / made.name / MANIFEST
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"migrations": [*content["migrations"], ["library", "9999_later"]]}))
    with pytest.raises(ProblemError, match=r"no migration library\.9999_later"):
        backup.restore_backup(tmp_path, made.name)
    path.write_text(json.dumps(content | {"format": 2}))
    with pytest.raises(ProblemError, match="another format"):
        backup.check_backup(tmp_path, made.name)


def test_workers_back_up_by_themselves(media: Path, tmp_path: Path, settings) -> None:
    settings.BACKUP_FOLDER, settings.BACKUPS_KEPT = None, 1
    back_up()
    settings.BACKUP_FOLDER = tmp_path
    back_up()
    back_up()
    (name,) = backup.whole_backups(tmp_path)
    assert (tmp_path / name / FILES).is_file()
