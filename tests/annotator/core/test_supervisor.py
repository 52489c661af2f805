"""A signal finds nothing half begun: what is being started is known before the platform stops."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from annotator.core import supervisor as module
from annotator.core.processes import Child
from annotator.core.supervisor import Stopped, Supervisor

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    """One whose handler this process has for SIGTERM."""
    made = Supervisor({"DATA_DIR": str(tmp_path), "PORT": "8999"})
    before = signal.signal(signal.SIGTERM, made.on_signal)
    yield made
    signal.signal(signal.SIGTERM, before)


def ask_to_stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_signal_stops_at_once_where_nothing_is_being_begun(supervisor: Supervisor) -> None:
    with pytest.raises(Stopped):
        ask_to_stop()
    ask_to_stop()  # a second one ends what runs, and raises no more
    assert supervisor.stopping.is_set()


def test_a_process_that_is_being_begun_is_noted_before_the_stop(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = Child("web", SLEEPER, dict(os.environ), tmp_path, tmp_path / "web.log", 5)
    supervisor.children = [child]
    start = child.start
    monkeypatch.setattr(child, "start", lambda: (ask_to_stop(), start(), ask_to_stop()))
    with pytest.raises(Stopped):
        supervisor.begin_child(child)
    assert child.process is not None
    noted = (tmp_path / "processes.json").read_text()
    assert str(child.process.pid) in noted
    child.kill()
    child.process.wait(10)


def test_preparing_leaves_nothing_when_the_signal_comes_as_it_begins(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def interrupted(_command: list[str], **options: object) -> subprocess.Popen[bytes]:
        begun.append(popen(SLEEPER, start_new_session=True))
        ask_to_stop()
        return begun[0]

    monkeypatch.setattr(module.subprocess, "Popen", interrupted)
    with pytest.raises(Stopped):
        supervisor.prepare()
    assert not psutil.pid_exists(begun[0].pid)
