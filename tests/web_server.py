"""A real web server (gunicorn, as it runs in production) on the test's own database, broker and files."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class WebServer:
    def __init__(self, env: dict[str, str], log: Path, port: int | None = None) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "--config", "python:annotator.core.gunicorn_config",
                 "--bind", f"127.0.0.1:{self.port}", "annotator.wsgi"],
                env={"WEB_PROCESSES": "1", **env, "LOG_LEVEL": "INFO"}, cwd=ROOT, stdout=file,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def wait(self, seconds: float = 180) -> WebServer:
        deadline = time.monotonic() + seconds
        while True:
            try:
                with urlopen(f"{self.url}/healthz", timeout=30):
                    return self
            except (URLError, OSError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"the web server does not come up:\n{self.log.read_text(errors='replace')[-3000:]}")
                time.sleep(0.1)

    def kill(self) -> None:
        """As kill -9 of all of it: no process of it gets to say another word."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
