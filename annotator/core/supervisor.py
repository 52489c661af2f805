"""``python -m annotator.core.supervisor``: the whole platform in one terminal (``scripts/run`` ends here).

Starts the embedded servers that no address in the environment replaces, prepares the data, starts the web
server, one Celery worker per queue and beat, starts again what ends by itself, and stops everything in order
on Ctrl-C or SIGTERM.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from annotator.core import embedded
from annotator.core.preflight import StartError, check_broker, check_database, check_port, check_space, read_port
from annotator.core.processes import Child, commands, end_leftovers, remember, tail

ROOT = Path(__file__).resolve().parent.parent.parent
READY_SECONDS = 90
WARM_SECONDS = 8  # how long a worker may finish what it is doing


class Stopped(BaseException):
    """Ctrl-C or SIGTERM, wherever we are in starting up."""


def say(text: str = "") -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone; the platform is still to be stopped cleanly
        print(text, flush=True)


class Supervisor:
    """One running platform: its folder, its servers and its processes."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.env = dict(environ)
        self.host = self.env.get("HOST") or "127.0.0.1"
        self.port = read_port(self.env.get("PORT") or "8000")
        self.data_dir = Path(self.env.get("DATA_DIR") or ROOT / ".data").expanduser().resolve()
        self.own_database = not self.env.get("DATABASE_URL")
        self.own_broker = not self.env.get("CELERY_BROKER_URL")
        self.children: list[Child] = []
        self.stopping = threading.Event()
        self.beginning = False
        self.lock: IO[str] | None = None
        self.step_number = int(self.env.pop("FIRST_STEP", "1"))

    # --- being told to stop -------------------------------------------------------------------------
    def on_signal(self, _number: int, _frame: Any) -> None:
        """Stop wherever we are; only what is being begun right now is begun and noted first."""
        if self.stopping.is_set():
            for child in self.children:  # a second Ctrl-C: no more patience
                child.kill()
            return
        self.stopping.set()
        if not self.beginning:
            raise Stopped

    @contextlib.contextmanager
    def begin(self) -> Iterator[None]:
        """Around the start of a process: a signal between its birth and our knowing of it would leave it behind."""
        self.beginning = True
        try:
            yield
        finally:
            self.beginning = False
        if self.stopping.is_set():
            raise Stopped

    # --- starting -----------------------------------------------------------------------------------
    @property
    def web(self) -> Child:
        return next(child for child in self.children if child.name == "web")

    @property
    def url(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{self.port}/"

    def step(self, name: str, work: Callable[[], str | None], *, sub_steps: bool = False) -> None:
        """Do one numbered step and say how long it took."""
        title = f"  {self.step_number}. {name}"
        start = time.monotonic()
        if sub_steps:
            say(title)
        detail = work()
        seconds = f"{time.monotonic() - start:.1f} s"
        say(f"     done · {seconds}" if sub_steps else f"{title}{f' ({detail})' if detail else ''} · {seconds}")
        self.step_number += 1

    def start(self) -> None:
        """Bring everything up.

        Raises:
            StartError: A server of the operator's does not answer; ``stop`` cleans up.
            EmbeddedError: A server does not start; ``stop`` cleans up.
        """
        self.claim_folder()
        left = end_leftovers(self.data_dir)
        if left:
            say(f"  An earlier start was interrupted; stopped {left} of its processes.")
        check_port(self.host, self.port)
        check_space(self.data_dir)
        self.step("Database", self.start_database)
        self.step("Broker", self.start_broker)
        self.env["DATA_DIR"] = str(self.data_dir)
        self.env.setdefault("PYTHONUNBUFFERED", "1")
        self.step("Preparing", self.prepare, sub_steps=True)
        self.children = [
            Child(name, command, {**self.env, **env}, ROOT, self.data_dir / "logs" / f"{name}.log",
                  WARM_SECONDS if name.startswith("worker") else 10)
            for name, command, env in commands(self.host, self.port, self.data_dir)
        ]  # fmt: skip
        self.step("Web server", self.start_web)
        self.step("Workers and beat", self.start_workers)

    def claim_folder(self) -> None:
        """Refuse a second instance on the same folder. The lock goes with the process, however it ends."""
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            self.lock = (self.data_dir / "run.lock").open("a+")
        except OSError as error:
            raise StartError(
                f"{self.data_dir} cannot be written ({error.strerror}). Start as its owner, or put the data "
                "elsewhere: DATA_DIR=another/folder scripts/run"
            ) from error
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.lock.seek(0)
            pid, _, url = self.lock.read().strip().partition(" ")
            self.lock = None
            raise StartError(f"Already running here: {url} (process {pid}). Stop that one first: kill {pid}") from None
        self.lock.truncate(0)
        self.lock.write(f"{os.getpid()} {self.url}\n")
        self.lock.flush()

    def start_database(self) -> str | None:
        if self.own_database:
            self.env["DATABASE_URL"] = embedded.database_url(self.data_dir)
            return "PostgreSQL, embedded"
        return check_database(self.env["DATABASE_URL"])

    def start_broker(self) -> str | None:
        if self.own_broker:
            self.env["CELERY_BROKER_URL"] = embedded.broker_url(self.data_dir)
            embedded.own_broker(self.data_dir)
            return "Valkey, embedded"
        return check_broker(self.env["CELERY_BROKER_URL"])

    def prepare(self) -> str | None:
        process = None
        try:
            with self.begin():
                # In a session of its own, so that Ctrl-C reaches it through us, once.
                process = subprocess.Popen([sys.executable, "manage.py", "prepare"], cwd=ROOT,
                                           env={"LOG_LEVEL": "WARNING", **self.env},
                                           start_new_session=True)  # fmt: skip
                remember(self.data_dir, [process])
            code = process.wait()
        except BaseException:
            if process is not None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(10)
                process.kill()
                process.wait()
            raise
        if code:
            raise StartError("Preparing did not work; the lines above say why. Nothing is lost: start again after.")
        return None

    def start_web(self) -> str | None:
        """By itself and first: everything at once would make a small machine slow to show its first page."""
        self.begin_child(self.web)
        self.wait_for_web()
        return None

    def start_workers(self) -> str | None:
        """They take up their queues a few seconds later; whatever is asked for until then waits for them."""
        for child in self.children:
            if child is not self.web:
                self.begin_child(child)
        return f"logs in {shown(self.data_dir / 'logs')}"

    def begin_child(self, child: Child) -> None:
        with self.begin():
            child.start()
            self.remember()

    def remember(self) -> None:
        remember(self.data_dir, [child.process for child in self.children if child.process is not None])

    def wait_for_web(self) -> None:
        web = self.web
        deadline = time.monotonic() + READY_SECONDS
        while not answers(self.url):
            if not web.running():
                raise StartError(f"The web server ended while starting: {tail(web.log)} (more in {shown(web.log)})")
            if time.monotonic() > deadline:
                raise StartError(f"The web server has not answered after {READY_SECONDS} s; see {shown(web.log)}")
            time.sleep(0.1)

    # --- running ------------------------------------------------------------------------------------
    def announce(self) -> None:
        lines = [f"Open {self.url}", ""]
        with contextlib.suppress(OSError, ValueError, KeyError):
            for row in json.loads((self.data_dir / "logins.json").read_text()):
                secret = row["password"] or {"changed": "(password changed)", "removed": "(removed)"}[row["state"]]
                lines.append(f"{row['username']:<10} {secret:<20} {row['role']}")
        lines += ["", "Ctrl-C stops everything; the data is kept."]
        if self.host not in {"127.0.0.1", "localhost", "::1"} and not self.env.get("ALLOWED_HOSTS"):
            lines.append("Other machines are let in by name only: set ALLOWED_HOSTS to the name they use.")
        rule = "─" * (max(map(len, lines)) + 2)
        say("\n".join(["", rule, *(f" {line}".rstrip() for line in lines), rule]))

    def watch(self) -> None:
        """Until told to stop: start again what ended by itself, later each time."""
        while not self.stopping.wait(0.5):
            self.watch_servers()
            for child in self.children:
                if child.due():
                    self.begin_child(child)
                    say(f"{child.name} is running again.")
                elif (wait := child.ended()) is not None:
                    say(f"{child.name} ended ({child.how}); restarting in {wait:.0f} s. Its log: "
                        f"{shown(child.log)}")  # fmt: skip

    def watch_servers(self) -> None:
        for name, ours, pid, start in (
            ("The database", self.own_database, embedded.postmaster_pid, embedded.database_url),
            ("The broker", self.own_broker, embedded.valkey_pid, embedded.broker_url),
        ):
            if ours and pid(self.data_dir) is None:
                say(f"{name} ended; restarting it.")
                try:
                    start(self.data_dir)
                except embedded.EmbeddedError as error:
                    say(str(error))
                    self.stopping.wait(5)

    # --- stopping -----------------------------------------------------------------------------------
    def stop(self) -> None:
        """Web first, then beat and the workers (warm, then hard), then the broker and the database."""
        if self.lock is None:
            return  # another instance's folder, or none
        for names in (("web",), ("beat",), ("worker",)):
            group = [child for child in self.children if child.name.startswith(names)]
            for child in group:
                child.ask_to_end()
            for child in group:
                child.end()
        remember(self.data_dir, [])
        if self.own_broker:
            embedded.stop_broker(self.data_dir)
        if self.own_database:
            embedded.stop_database(self.data_dir)
        self.lock.truncate(0)


def answers(url: str) -> bool:
    """Whether the web server says that it is well (or, without a health page, shows the log-in)."""
    for path in ("healthz", "accounts/login/"):
        try:
            with urlopen(Request(url + path, headers={"Host": "localhost"}), timeout=10) as response:
                return bool(response.status < 400)
        except HTTPError as error:
            if error.code != 404:
                return error.code < 500
        except (URLError, OSError):
            return False
    return False


def shown(path: Path) -> str:
    """A path as people write it: from where they stand, where that is shorter."""
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


def main() -> int:
    try:
        supervisor = Supervisor(dict(os.environ))
    except StartError as error:
        say(str(error))
        return 1

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, supervisor.on_signal)
    code = 0
    try:
        supervisor.start()
        supervisor.announce()
        supervisor.watch()
    except Stopped:
        pass
    except (StartError, embedded.EmbeddedError) as error:
        supervisor.stopping.set()
        say(f"  {error}")
        code = 1
    except OSError as error:
        supervisor.stopping.set()
        say(f"  {error}" if error.errno != 28 else "  The disk is full. Free some space and start again.")
        code = 1
    except Exception as error:  # a mistake of ours: what runs must still be stopped
        supervisor.stopping.set()
        log = supervisor.data_dir / "logs" / "run.log"
        with contextlib.suppress(OSError):
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(traceback.format_exc())
        say(f"  Unexpected error: {type(error).__name__}: {error} (full log in {shown(log)})")
        code = 1
    if supervisor.lock is not None:
        if not code:
            say("\nStopping …")
        supervisor.stop()
        if not code:
            say("Stopped. The data is kept; scripts/run starts it again.")
    return code


if __name__ == "__main__":
    sys.exit(main())
