"""The embedded default: PostgreSQL and Valkey from their wheels, with their data under ``DATA_DIR``.

Only used where ``DATABASE_URL`` / ``CELERY_BROKER_URL`` name no server. Asking for an address starts
the server if it is not up yet, so that ``manage.py`` works by itself. What a killed process or a crashed
machine left behind (a stale pid file, half an initdb, a server nobody looks after) is put right first.
"""

import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from annotator.core.embedded.common import EmbeddedError, lock, write_private
from annotator.core.embedded.postgres import database_url, postmaster_pid, stop_database
from annotator.core.embedded.valkey import broker_url, own_broker, stop_broker, valkey_pid

__all__ = [
    "EmbeddedError",
    "broker_url",
    "database_url",
    "own_broker",
    "parse_database_url",
    "postmaster_pid",
    "secret_key",
    "stop_broker",
    "stop_database",
    "valkey_pid",
    "write_private",
]


def secret_key(data_dir: Path) -> str:
    """The key of this installation: made once, readable by its owner only."""
    path = data_dir / "secret_key"
    with lock(data_dir):  # two processes starting at once must not end up with two keys
        if not path.exists() or not path.read_text():
            write_private(path, secrets.token_urlsafe(50))
        return path.read_text()


def parse_database_url(url: str) -> dict[str, Any]:
    """``postgresql://user:password@host:port/name?host=/socket/dir`` as Django's settings."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ValueError(f"DATABASE_URL must start with postgresql://, not {parts.scheme or 'nothing'}://")
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    host = query.pop("host", None) or unquote(parts.hostname or "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "postgres",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or query.pop("port", "") or ""),
        "OPTIONS": {**query},
        "CONN_HEALTH_CHECKS": True,
    }
