"""What both embedded servers need: a lock, private files, the end of a process, the reason in a log."""

import contextlib
import fcntl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reward_engine.storage import written


class EmbeddedError(RuntimeError):
    """An embedded server does not start; the message says why and what to do."""


def write_private(path: Path, text: str) -> None:
    """Write a file whole or not at all, readable by its owner only."""
    with written(path, mode=0o600) as file:
        file.write(text.encode())


@contextlib.contextmanager
def lock(data_dir: Path) -> Iterator[None]:
    """One process at a time looks after the servers of this folder. A killed process leaves no lock behind."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def wait_gone(process: Any, timeout: float) -> None:
    """Wait for the end of a process that may be nobody's child (a zombie in a container has ended too)."""
    import psutil

    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.05)
    raise psutil.TimeoutExpired(timeout, process.pid)


def last_line(log: Path) -> str:
    """What a server's log says last about an error."""
    try:
        lines = log.read_text(errors="replace").splitlines()[-30:]
    except OSError:
        return ""
    grave = [line for line in lines if "FATAL" in line or "PANIC" in line or "rror" in line]
    return (grave or lines or [""])[-1].strip()
