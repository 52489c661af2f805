"""The processes of one running platform: started with a log each, started again after a crash, and ended."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from annotator.core.embedded import write_private

FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0  # seconds before a process that ended by itself is started again
STABLE_SECONDS = 60  # after this long without trouble the waits begin anew
LARGEST_LOG = 10 * 2**20


class Child:
    """One process and what it has forked, in a session of its own: Ctrl-C in the terminal does not reach it."""

    def __init__(self, name: str, command: list[str], env: dict[str, str], cwd: Path, log: Path, grace: float) -> None:
        self.name, self.command, self.env, self.cwd, self.log, self.grace = name, command, env, cwd, log, grace
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.restart_at: float | None = None
        self.wait = FIRST_WAIT
        self.asked_at: float | None = None

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as file:
            self.process = subprocess.Popen(
                self.command, env=self.env, cwd=self.cwd, stdin=subprocess.DEVNULL, stdout=file,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self.started_at = time.monotonic()
        self.restart_at = None

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def ended(self) -> float | None:
        """The seconds until it is started again, where it has just ended by itself; otherwise None."""
        if self.running() or self.restart_at is not None:
            return None
        self.kill()  # what it has forked
        if time.monotonic() - self.started_at > STABLE_SECONDS:
            self.wait = FIRST_WAIT
        wait, self.wait = self.wait, min(self.wait * 2, LONGEST_WAIT)
        self.restart_at = time.monotonic() + wait
        return wait

    def due(self) -> bool:
        return self.restart_at is not None and time.monotonic() >= self.restart_at

    @property
    def how(self) -> str:
        """How it ended, in words."""
        code = self.process.returncode if self.process else None
        return f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit {code}"

    def ask_to_end(self) -> None:
        self.asked_at = time.monotonic()
        if self.process is not None and self.running():
            self.process.terminate()

    def end(self) -> None:
        """Wait until its patience is over, then end it and all it has forked."""
        if self.process is None:
            return
        left = self.grace - (time.monotonic() - (self.asked_at or time.monotonic()))
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(left, 0.1))
        self.kill()
        self.process.wait()

    def kill(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)


def commands(host: str, port: int, data_dir: Path) -> list[tuple[str, list[str], dict[str, str]]]:
    """(name, command, extra environment) of everything that runs."""
    python = sys.executable
    bind = f"[{host}]:{port}" if ":" in host and "[" not in host else f"{host}:{port}"
    web = [python, "-m", "gunicorn", "--config", "python:annotator.core.gunicorn_config", "--bind", bind,
           "annotator.wsgi"]  # fmt: skip
    celery = [python, "-m", "celery", "--app", "annotator"]
    beat = [*celery, "beat", "--loglevel", "INFO", "--pidfile=", "--schedule", str(data_dir / "beat-schedule")]
    found = [("web", web, {"DATABASE_POOL": "true"}), ("beat", beat, {})]
    # Processes, not threads: a task that takes all memory or crashes takes its own process with it only.
    metrics_port = os.environ.get("WORKER_METRICS_PORT", "")
    for number, (queue, several) in enumerate(
        (("default", ["--concurrency", "2"]), ("gpu", []), ("mpo", ["--concurrency", "1"]))
    ):
        worker = [*celery, "worker", "--queues", queue, "--hostname", f"{queue}@%h", "--pool", "prefork", *several,
                  "--loglevel", "INFO", "--without-gossip", "--without-mingle"]  # fmt: skip
        # Three workers on one machine: each has a port of its own.
        ports = {"WORKER_METRICS_PORT": str(int(metrics_port) + number)} if metrics_port.isdigit() else {}
        found.append((f"worker-{queue}", worker, ports))
    return found


def remember(data_dir: Path, running: list[subprocess.Popen[bytes]]) -> None:
    """Note what is running, so that a start after a kill -9 of this process can end it."""
    rows = []
    for process in running:
        with contextlib.suppress(psutil.Error):
            rows.append([process.pid, psutil.Process(process.pid).create_time()])
    write_private(data_dir / "processes.json", json.dumps(rows))


def end_leftovers(data_dir: Path) -> int:
    """End what an earlier instance left running. Call only while holding the folder. Returns how many."""
    try:
        rows = json.loads((data_dir / "processes.json").read_text())
    except (OSError, ValueError):
        return 0
    left = []
    for pid, created in rows:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            if abs(process.create_time() - created) < 1 and process.status() != psutil.STATUS_ZOMBIE:
                left.append(process)  # the same process, not a later one with its number
                process.terminate()
    psutil.wait_procs(left, timeout=5)
    for process in left:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # each leads its own group
    return len(left)


def tail(log: Path) -> str:
    """The last line a log has."""
    try:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        return ""
    return lines[-1].strip()[:300] if lines else ""
