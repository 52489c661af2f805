"""Is it alive, and is it ready? For orchestrators, proxies and ``scripts/run``.

``/healthz``: this process answers. ``/readyz``: the database answers and has every migration, and the broker
answers; 503 otherwise, with the check that failed. What exactly is wrong stands in the log, not in the answer:
anybody may ask.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import psycopg
import redis
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from annotator.core.metrics import metrics

logger = logging.getLogger(__name__)

CHECK_SECONDS = 3


class NotReady(Exception):  # noqa: N818 - it is a state that passes
    """A part is not ready; the message may be shown to anybody."""


def check_database() -> None:
    """A connection of its own: the pool would make the asker wait, and a busy pool is no broken database."""
    parameters = {**connection.get_connection_params(), "connect_timeout": CHECK_SECONDS}
    with psycopg.connect(**parameters) as probe:
        probe.execute("SELECT 1")


_migrated = False


def pending_migrations() -> int:
    """Count the migrations that are not applied.

    Once all are applied they stay so while this process runs: its code does not change.
    """
    global _migrated
    if _migrated:
        return 0
    executor = MigrationExecutor(connection)
    waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    _migrated = not waiting
    return waiting


def check_migrations() -> None:
    """Refuse while a migration is pending."""
    if waiting := pending_migrations():
        raise NotReady(f"{waiting} migrations are pending: manage.py migrate")


def check_broker() -> None:
    with redis.Redis.from_url(
        settings.BROKER_URL, socket_connect_timeout=CHECK_SECONDS, socket_timeout=CHECK_SECONDS
    ) as probe:
        probe.ping()


CHECKS: dict[str, Callable[[], None]] = {
    "database": check_database,
    "migrations": check_migrations,
    "broker": check_broker,
}


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    return _answer({"status": "ok"}, 200)


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    checks: dict[str, dict[str, object]] = {}
    for name, check in CHECKS.items():
        if name == "migrations" and not checks["database"]["ok"]:
            checks[name] = {"ok": False, "reason": "not known without the database"}
            continue
        start = time.monotonic()
        try:
            check()
            checks[name] = {"ok": True, "ms": round(1000 * (time.monotonic() - start), 1)}
        except NotReady as reason:
            checks[name] = {"ok": False, "reason": str(reason)}
        except Exception as error:
            logger.warning("not ready: %s: %s", name, error)
            checks[name] = {"ok": False, "reason": "does not answer"}
    ready = all(check["ok"] for check in checks.values())
    return _answer({"status": "ready" if ready else "not ready", "checks": checks}, 200 if ready else 503)


def _answer(body: dict[str, object], status: int) -> HttpResponse:
    return JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})


PROBES: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "/healthz": healthz,
    "/readyz": readyz,
    "/metrics": metrics,
}
