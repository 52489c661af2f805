"""A backup is made, everything is destroyed, and every row and file comes back."""

import hashlib
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from tests.conftest import ROOT, test_database_url
from tests.factories import write_image

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

FILL = """
from annotator.accounts.models import User
from annotator.campaigns.models import ChecklistVersion
from annotator.campaigns.services import create_campaign, lease_next_item, record_judgment
from annotator.library.models import Item
from django.contrib.auth.models import Group
ann = User.objects.create_user("ann", password="secret " * 3)
Group.objects.get_or_create(name="annotator")[0].user_set.add(ann)
version = ChecklistVersion.objects.get(media_type="image")
campaign = create_campaign(
    name="Kites \\t\\\\ \\n", checklist_version=version, items=Item.objects.all(), overlap=2, state="open"
)
mine = lease_next_item(campaign=campaign, annotator=ann)
for number, sub in enumerate(("symmetry", "clarity")):
    record_judgment(token=mine.token, annotator=ann, sub_dimension=sub, level=0, idempotency_key=sub, sequence=number)
"""


class Platform:
    """A platform of its own: a database on the tests' server, and a folder."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.env = os.environ | {
            "DATABASE_URL": url, "MEDIA_ROOT": str(folder / "media"), "ARTIFACT_ROOT": str(folder / "artifacts"),
            "DATA_DIR": str(folder), "LOG_LEVEL": "ERROR",
        }  # fmt: skip

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *command], cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=120
        )

    def must(self, *command: str) -> str:
        done = self.run(*command)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rows(self) -> dict[str, tuple[int, str]]:
        """Every table: its rows, and a digest of all that stands in them."""
        found = {}
        with psycopg.connect(self.url) as db:
            for (table,) in db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
                rows = db.execute(f'SELECT t::text FROM "{table}" t ORDER BY 1').fetchall()
                found[table] = (len(rows), hashlib.sha256(repr(rows).encode()).hexdigest())
        return found

    def files(self) -> dict[str, str]:
        return {
            path.relative_to(self.folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for root in ("media", "artifacts") for path in (self.folder / root).rglob("*") if path.is_file()
        }  # fmt: skip

    def destroy(self) -> None:
        with psycopg.connect(self.url) as db:
            db.execute("DROP SCHEMA public CASCADE")
            db.execute("CREATE SCHEMA public")
        for root in ("media", "artifacts"):
            shutil.rmtree(self.folder / root)


@pytest.fixture
def platform(tmp_path: Path, db: None) -> Iterator[Platform]:
    name = f"backup_{uuid.uuid4().hex[:12]}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    url = test_database_url().replace(f"/{connection.settings_dict['NAME']}?", f"/{name}?")
    try:
        yield Platform(url, tmp_path / "platform")
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_everything_that_was_destroyed_comes_back(platform: Platform, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(3):
        write_image(pictures / f"{number}.png", seed=number)
    (pictures / "manifest.csv").write_text("file,prompt\n" + "".join(f"{n}.png,A kite {n}\n" for n in range(3)))
    platform.folder.mkdir()
    platform.must("migrate", "--verbosity", "0")
    platform.must("load_checklists")
    platform.must("import_media", str(pictures))
    platform.must("shell", "--verbosity", "0", "--command", FILL)
    artifact = platform.folder / "artifacts" / "models" / "1" / "head.bin"
    artifact.parent.mkdir(parents=True)
    artifact.write_bytes(b"\0weights")
    rows, files = platform.rows(), platform.files()
    assert rows["library_item"][0] == 3
    assert rows["campaigns_judgmentchange"][0] == 2
    assert len(files) > 6

    backups = tmp_path / "backups"
    said = platform.must("backup", str(backups))
    assert f"{len(files)} files" in said
    artifact.with_name("later.bin").write_bytes(b"later")
    assert f"{len(files) + 1} files" in (again := platform.must("backup", str(backups)))
    assert "1 of them new" in again
    first, second = sorted(path.name for path in backups.glob("2*"))

    platform.destroy()
    platform.must("restore", first, "--folder", str(backups))
    assert platform.rows() == rows
    assert platform.files() == files
    # Sequences go on where they were: a new row takes no number that is there.
    platform.must("shell", "--verbosity", "0", "--command",
                  "from annotator.accounts.models import User; User.objects.create_user('ben')")  # fmt: skip

    refused = platform.run("restore", "--folder", str(backups))
    assert refused.returncode == 1
    assert "The database is not empty" in refused.stderr
    platform.must("restore", second, "--folder", str(backups), "--replace")
    assert platform.rows() == rows
    assert set(platform.files()) - set(files) == {"artifacts/models/1/later.bin"}

    # A damaged backup is refused before anything is touched.
    stored = next(
        path for path in (backups / "files").rglob("*") if path.is_file() and path.read_bytes() == b"\0weights"
    )
    stored.write_bytes(b"\0weightz")
    damaged = platform.run("restore", "--folder", str(backups), "--replace")
    assert damaged.returncode == 1
    assert "1 file of the backup is missing or altered: artifacts/models/1/head.bin" in damaged.stderr
    assert platform.rows() == rows
    assert artifact.read_bytes() == b"\0weights"
