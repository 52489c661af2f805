"""The embedded servers: started, joined, stopped, and put right after a crash. Each test has servers of its own."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from annotator.core import embedded

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("embedded")
    yield folder
    embedded.stop_broker(folder)
    embedded.stop_database(folder)


def value(url: str, statement: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def killed_after(data_dir: Path, code: str) -> None:
    """Another process starts servers in the folder and is then killed, as by kill -9."""
    program = f"import os\nfrom pathlib import Path\nfrom annotator.core import embedded\nd = Path({str(data_dir)!r})\n"
    done = subprocess.run([sys.executable, "-c", f"{program}{code}\nos.kill(os.getpid(), 9)"], cwd=ROOT, timeout=60)
    assert done.returncode == -signal.SIGKILL


def test_data_survives_a_stop(data_dir: Path) -> None:
    url = embedded.database_url(data_dir)
    value(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    assert embedded.stop_database(data_dir)
    assert embedded.postmaster_pid(data_dir) is None
    assert not embedded.stop_database(data_dir)
    assert value(embedded.database_url(data_dir), "SELECT answer FROM kept") == 42


def test_a_killed_owner_leaves_a_server_that_is_joined_and_stopped(data_dir: Path) -> None:
    killed_after(data_dir, "embedded.database_url(d)\nembedded.broker_url(d)")
    postgres, valkey = embedded.postmaster_pid(data_dir), embedded.valkey_pid(data_dir)
    assert postgres is not None
    assert valkey is not None
    embedded.database_url(data_dir)
    embedded.broker_url(data_dir)
    assert (embedded.postmaster_pid(data_dir), embedded.valkey_pid(data_dir)) == (postgres, valkey)
    handles = json.loads((data_dir / "postgres" / ".handle_pids.json").read_text())
    assert handles == [os.getpid()], "a killed process is not counted as a user of the server"


def test_a_killed_server_recovers_with_its_data(data_dir: Path) -> None:
    url = embedded.database_url(data_dir)
    value(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    pid = embedded.postmaster_pid(data_dir)
    assert pid is not None
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in family:
        process.kill()
    psutil.wait_procs(family, timeout=10)
    assert value(embedded.database_url(data_dir), "SELECT answer FROM kept") == 42


def an_interrupted_initdb(folder: Path) -> None:
    folder.mkdir()
    (folder / "PG_VERSION").write_text("18\n")
    (folder / "base").mkdir()


def half_a_pid_file(folder: Path) -> None:
    embedded.database_url(folder.parent)
    embedded.stop_database(folder.parent)
    (folder / "postmaster.pid").write_text("12\n")


def a_pid_file_with_anothers_number(folder: Path) -> None:
    embedded.database_url(folder.parent)
    embedded.stop_database(folder.parent)
    (folder / "postmaster.pid").write_text(f"{os.getpid()}\n{folder}\n1\n5432\n{folder}\n\n1 1\nready\n")


@pytest.mark.parametrize("left", [an_interrupted_initdb, half_a_pid_file, a_pid_file_with_anothers_number])
def test_what_a_crash_left_is_put_right(data_dir: Path, left: Callable[[Path], None]) -> None:
    left(data_dir / "postgres")
    assert value(embedded.database_url(data_dir), "SELECT 1") == 1


def test_the_broker_asks_for_its_password_and_keeps_its_data_and_address(data_dir: Path) -> None:
    url = embedded.broker_url(data_dir)
    redis.Redis.from_url(url).set("kept", "42")
    port = json.loads((data_dir / "valkey.json").read_text())["port"]
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=port).ping()
    assert embedded.stop_broker(data_dir)
    assert embedded.valkey_pid(data_dir) is None
    assert embedded.broker_url(data_dir) == url
    assert redis.Redis.from_url(url).get("kept") == b"42"


def test_a_port_that_another_program_took_is_not_taken_for_ours(data_dir: Path) -> None:
    import socket

    url = embedded.broker_url(data_dir)
    embedded.stop_broker(data_dir)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", json.loads((data_dir / "valkey.json").read_text())["port"]))
        other.listen()
        assert embedded.valkey_pid(data_dir) is None
        assert embedded.broker_url(data_dir) != url
        embedded.stop_broker(data_dir)


@pytest.mark.parametrize("name", ["secret_key", "valkey.json", "valkey/valkey.conf"])
def test_secrets_are_readable_by_their_owner_only(data_dir: Path, name: str) -> None:
    embedded.secret_key(data_dir)
    embedded.broker_url(data_dir)
    assert stat.S_IMODE((data_dir / name).stat().st_mode) == 0o600


def test_the_secret_key_is_made_once(tmp_path: Path) -> None:
    key = embedded.secret_key(tmp_path)
    assert len(key) > 50
    assert embedded.secret_key(tmp_path) == key


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://ann:a%40b@db.example:5433/work", ("ann", "a@b", "db.example", "5433", "work")),
        ("postgresql://postgres:@/postgres?host=/run/pg", ("postgres", "", "/run/pg", "", "postgres")),
        ("postgres://db", ("", "", "db", "", "postgres")),
    ],
)
def test_a_database_url_becomes_settings(url: str, expected: tuple[str, ...]) -> None:
    found = embedded.parse_database_url(url)
    assert tuple(found[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME")) == expected


def test_another_kind_of_database_is_refused() -> None:
    with pytest.raises(ValueError, match="must start with postgresql://, not mysql://"):
        embedded.parse_database_url("mysql://db/work")
