"""``scripts/run`` as a person meets it: up, printed log-ins, one clear line for each trouble, and nothing left behind.

A real start with its own folder and port; the installed packages are reused (VENV_DIR) and the demo content is left
out (SKIP_DEMO). Waits are long and nothing is timed: a machine busy with other tests is only slow.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import urlopen

import psutil
import pytest
from django.conf import settings as conf
from django.db import connection

from annotator.core import embedded, preflight, processes
from annotator.core.supervisor import Supervisor
from tests.conftest import test_database_url

ROOT = Path(__file__).resolve().parents[2]
RUN = str(ROOT / "scripts" / "run")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings(data_dir: Path, port: int, **more: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DATABASE_URL", "CELERY_BROKER_URL", "STATIC_MANIFEST", "LOG_LEVEL"}
    }
    return {**kept, "VENV_DIR": sys.prefix, "DATA_DIR": str(data_dir), "PORT": str(port), "SKIP_DEMO": "1", **more}


def users_of(data_dir: Path) -> list[psutil.Process]:
    """Every process whose environment names this folder, and the servers that run in it."""
    found = []
    for process in psutil.process_iter():
        try:
            mine = process.environ().get("DATA_DIR") == str(data_dir) or str(data_dir) in " ".join(process.cmdline())
            if mine and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
                found.append(process)
        except psutil.Error:
            continue
    return found


class Platform:
    """One ``scripts/run``."""

    def __init__(self, data_dir: Path, port: int, **more: str) -> None:
        self.data_dir, self.port = data_dir, port
        self.log = data_dir.parent / "run.log"
        with self.log.open("ab") as file:
            self.from_here = file.tell()
            self.process = subprocess.Popen(
                [RUN], env=settings(data_dir, port, **more), stdout=file, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip

    @property
    def output(self) -> str:
        return self.log.read_bytes()[self.from_here :].decode()

    def wait_for(self, text: str, seconds: float = 300) -> "Platform":
        deadline = time.monotonic() + seconds
        while text not in self.output:
            if time.monotonic() > deadline or self.process.poll() is not None:
                pytest.fail(f"“{text}” did not come:\n{self.output}")
            time.sleep(0.05)
        return self

    def logins(self) -> dict[str, str]:
        return dict(re.findall(r"^ (\w+) +(\S+-\S+-\S+) +(?:admin|reviewer|annotator)$", self.output, re.MULTILINE))

    def stop(self, number: int = signal.SIGINT) -> int:
        # To the whole group, as the terminal does it.
        os.killpg(self.process.pid, number)
        return self.process.wait(120)


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Platform]]:
    data_dir = tmp_path_factory.mktemp("platform") / "data"
    port = free_port()
    started: list[Platform] = []

    def make(**more: str) -> Platform:
        started.append(Platform(data_dir, port, **more))
        return started[-1]

    yield make
    for platform in started:
        if platform.process.poll() is None:
            platform.process.kill()
            platform.process.wait()
    for process in users_of(data_dir):
        process.kill()


def ready(platform: Platform, seconds: float = 60) -> dict[str, object]:
    """Ask until it is ready, as a load balancer does: while others keep the cores busy, a check may take too long."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urlopen(f"http://127.0.0.1:{platform.port}/readyz", timeout=60) as response:
                return dict(json.load(response))
        except HTTPError as error:
            if error.code != 503 or time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def wait_for_workers(platform: Platform, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    for queue in ("default", "gpu", "mpo"):
        log = platform.data_dir / "logs" / f"worker-{queue}.log"
        while not log.exists() or " ready." not in log.read_text():
            assert time.monotonic() < deadline, f"the worker of {queue} did not come up: {processes.tail(log)}"
            time.sleep(0.1)


@pytest.mark.timeout(1200)
def test_the_life_of_a_platform(start: Callable[..., Platform]) -> None:
    """Up; a second one refused; a crashed child back; cut off; up again with everything; stopped clean."""
    first = start().wait_for("Ctrl-C stops everything")
    assert set(first.logins()) == {"admin", "reviewer", "ann", "bo"}
    assert len(set(first.logins().values())) == 4
    assert "Traceback" not in first.output
    assert ready(first)["status"] == "ready"
    with urlopen(f"http://127.0.0.1:{first.port}/accounts/login/", timeout=60) as response:
        assert response.status == 200
    wait_for_workers(first)

    second = subprocess.run(
        [RUN], env=settings(first.data_dir, free_port()), capture_output=True, text=True, timeout=120
    )
    assert second.returncode == 1
    assert f"Already running here: http://127.0.0.1:{first.port}/ (process {first.process.pid})" in second.stdout
    elsewhere = settings(first.data_dir.parent / "other", first.port)
    third = subprocess.run([RUN], env=elsewhere, capture_output=True, text=True, timeout=120)
    assert third.returncode == 1
    assert f"Port {first.port} is in use. Choose another: PORT={first.port + 1} scripts/run" in third.stdout
    assert len((third.stdout + third.stderr).strip().splitlines()) == 1

    beat = next(p for p in psutil.Process(first.process.pid).children() if "beat" in p.cmdline())
    beat.kill()
    first.wait_for("beat ended (signal SIGKILL); restarting in 1 s").wait_for("beat is running again")

    first.process.kill()  # as when the machine's memory runs out
    first.process.wait()
    assert users_of(first.data_dir)
    again = start().wait_for("An earlier start was interrupted").wait_for("Ctrl-C stops everything")
    assert again.logins() == first.logins()
    assert ready(again)["status"] == "ready"

    assert again.stop() == 0
    assert "Stopped. The data is kept" in again.output
    assert "Traceback" not in again.output
    assert embedded.postmaster_pid(first.data_dir) is None
    assert embedded.valkey_pid(first.data_dir) is None
    assert users_of(first.data_dir) == []


@pytest.mark.timeout(600)
@pytest.mark.django_db(transaction=True)
def test_given_servers_are_used_and_left_running(start: Callable[..., Platform]) -> None:
    """A new, empty database on the server of these tests, and their broker."""
    with connection.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS given_to_run")
        cursor.execute("CREATE DATABASE given_to_run")
    try:
        given = urlsplit(test_database_url())
        platform = start(
            DATABASE_URL=urlunsplit(given._replace(path="/given_to_run")), CELERY_BROKER_URL=conf.BROKER_URL
        ).wait_for("Ctrl-C stops everything")
        assert "from DATABASE_URL" in platform.output
        assert "from CELERY_BROKER_URL" in platform.output
        assert ready(platform)["status"] == "ready"
        assert not (platform.data_dir / "postgres").exists()
        assert not (platform.data_dir / "valkey").exists()
        assert platform.stop(signal.SIGTERM) == 0
        assert users_of(platform.data_dir) == []
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")  # still there
        assert preflight.check_broker(conf.BROKER_URL)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP DATABASE IF EXISTS given_to_run WITH (FORCE)")


def test_ctrl_c_while_starting_leaves_nothing(start: Callable[..., Platform]) -> None:
    platform = start().wait_for("Preparing")
    assert platform.stop() == 0
    assert "Traceback" not in platform.output
    assert users_of(platform.data_dir) == []


AS_NOBODY = """
from pathlib import Path
from annotator.core import embedded
d = Path(__import__("sys").argv[1])
import psycopg, redis, os
assert os.geteuid() != 0
print(psycopg.connect(embedded.database_url(d)).execute("SELECT 40 + 2").fetchone()[0])
print(redis.Redis.from_url(embedded.broker_url(d)).ping())
embedded.stop_broker(d)
embedded.stop_database(d)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else; the other tests run as one already")
def test_an_ordinary_user_has_embedded_servers_too(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    for folder in list(tmp_path.parents)[:2]:  # pytest's own, closed to others
        folder.chmod(folder.stat().st_mode | 0o011)
    # They may read what root reads, since Python itself may lie in root's home; nothing else of root's is left.
    become = ["setpriv", "--reuid", "65534", "--clear-groups", "--inh-caps=+dac_read_search",
              "--ambient-caps=+dac_read_search"]  # fmt: skip
    done = subprocess.run(
        [*become, sys.executable, "-c", AS_NOBODY, str(tmp_path / "data")], cwd=ROOT, capture_output=True, text=True,
        timeout=200, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.stdout.split() == ["42", "True"], done.stderr


def test_without_a_python_one_line_says_so(tmp_path: Path) -> None:
    for tool in ("sh", "dirname"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or "")
    done = subprocess.run([RUN], env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr.startswith("Python 3.11 or newer was not found. Install it")
    assert len(done.stderr.splitlines()) == 1


def refusal(env: dict[str, str]) -> str:
    done = subprocess.run([RUN], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout.strip().splitlines()[-1].strip()


def test_a_port_that_is_no_number(tmp_path: Path) -> None:
    assert refusal(settings(tmp_path, 1, PORT="web")) == "PORT must be a number from 1 to 65535, not 'web'."


def test_a_given_database_that_does_not_answer(tmp_path: Path) -> None:
    env = settings(tmp_path, free_port(), DATABASE_URL=f"postgresql://127.0.0.1:{free_port()}/work")
    assert refusal(env).startswith("The database in DATABASE_URL does not answer: connection")
    assert not (tmp_path / "postgres").exists()


def test_a_given_broker_that_does_not_answer(tmp_path: Path) -> None:
    env = settings(tmp_path, free_port(), CELERY_BROKER_URL=f"redis://127.0.0.1:{free_port()}/0")
    assert refusal(env).startswith("The broker in CELERY_BROKER_URL does not answer:")
    assert not (tmp_path / "valkey").exists()
    assert users_of(tmp_path) == []


def test_a_full_disk_is_said_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "free_mb", lambda folder: 120)
    with pytest.raises(preflight.StartError, match=r"Only 120 MB are free in .*, but 500 MB are needed"):
        preflight.check_space(tmp_path)


def test_where_data_exist_already_less_space_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "postgres" / "data").mkdir(parents=True)
    (tmp_path / "postgres" / "data" / "PG_VERSION").write_text("17")
    monkeypatch.setattr(preflight, "free_mb", lambda folder: 458)
    preflight.check_space(tmp_path)
    monkeypatch.setattr(preflight, "free_mb", lambda folder: 20)
    with pytest.raises(preflight.StartError, match="50 MB are needed"):
        preflight.check_space(tmp_path)


def test_a_given_database_and_broker_are_used_and_none_are_started() -> None:
    """Each is checked by itself: here both are the ones these tests run on."""
    assert "from DATABASE_URL" in preflight.check_database(conf.DATABASE_URL)
    assert "from CELERY_BROKER_URL" in preflight.check_broker(conf.BROKER_URL)
    given = {"DATABASE_URL": conf.DATABASE_URL, "CELERY_BROKER_URL": conf.BROKER_URL}
    ours = Supervisor({**settings(Path("unused"), 8000), **given})
    assert (ours.own_database, ours.own_broker) == (False, False)
    del given["DATABASE_URL"]
    ours = Supervisor({**settings(Path("unused"), 8000), **given})
    assert (ours.own_database, ours.own_broker) == (True, False)


def test_a_process_id_that_is_anothers_by_now_is_left_alone(tmp_path: Path) -> None:
    other = subprocess.Popen(["sleep", "60"])
    (tmp_path / "processes.json").write_text(json.dumps([[other.pid, psutil.Process(other.pid).create_time() - 500]]))
    assert processes.end_leftovers(tmp_path) == 0
    assert other.poll() is None
    other.kill()
    other.wait()
