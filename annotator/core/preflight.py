"""What is looked at before the platform starts: each trouble is one line that says what to do."""

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

from annotator.core import embedded

MIN_FREE_MB = 500  # for a first start: two servers, static files, the example
MIN_FREE_MB_AGAIN = 50  # where the data exist already: for logs and the database's own work


class StartError(RuntimeError):
    """The platform cannot start; the message is one line that says why and what to do."""


def read_port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise StartError(f"PORT must be a number from 1 to 65535, not {text!r}.")
    return int(text)


def check_port(host: str, port: int) -> None:
    """Check that a server can listen at this address.

    Raises:
        StartError: If nothing could listen at this address.
    """
    bare = host.strip("[]")
    try:
        with socket.socket(socket.AF_INET6 if ":" in bare else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((bare, port))
    except PermissionError:
        raise StartError(f"Port {port} is reserved for root. Choose another: PORT=8000 scripts/run") from None
    except socket.gaierror:
        raise StartError(f"HOST={host} is not an address of this machine.") from None
    except OSError as error:
        other = port + 1 if port < 65535 else 8000
        if error.errno == 98 or "in use" in str(error):
            raise StartError(f"Port {port} is in use. Choose another: PORT={other} scripts/run") from None
        raise StartError(f"Cannot listen on {host}:{port}: {error.strerror}.") from None


def free_mb(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize // 2**20


def has_data(folder: Path) -> bool:
    """Whether an earlier start has made its database here."""
    return any((folder / "postgres").rglob("PG_VERSION"))


def check_space(folder: Path) -> None:
    """Check that the disk has room.

    Raises:
        StartError: If there is too little space; who has data already is not kept from it by a full disk.
    """
    free, needed = free_mb(folder), MIN_FREE_MB_AGAIN if has_data(folder) else MIN_FREE_MB
    if free < needed:
        raise StartError(
            f"Only {free} MB are free in {folder}, but {needed} MB are needed. Free some space, or put the "
            "data elsewhere: DATA_DIR=another/folder scripts/run"
        )


def check_database(url: str) -> str:
    """Say where the given database is.

    Raises:
        StartError: If it does not answer or is too old.
    """
    import psycopg

    try:
        embedded.parse_database_url(url)
        with psycopg.connect(url, connect_timeout=5) as connection:
            version = connection.info.server_version // 10000
            where = connection.info.host or "local"
    except (psycopg.Error, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise StartError(f"The database in DATABASE_URL does not answer: {reason}") from error
    if version < 15:
        raise StartError(f"The database in DATABASE_URL is PostgreSQL {version}; 15 or newer is needed.")
    return f"PostgreSQL {version} at {where}, from DATABASE_URL"


def check_broker(url: str) -> str:
    """Say where the given broker is.

    Raises:
        StartError: If it does not answer.
    """
    import redis

    try:
        redis.Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5).ping()
    except (redis.RedisError, ValueError) as error:
        raise StartError(f"The broker in CELERY_BROKER_URL does not answer: {error}") from error
    return f"{urlsplit(url).hostname or 'local'}, from CELERY_BROKER_URL"
