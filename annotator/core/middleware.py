"""What happens to every request before and after its view: its line in the log, probes, and headers."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import SimpleLazyObject

from annotator.core.health import PROBES
from annotator.core.logs import log_context

logger = logging.getLogger("annotator.request")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in ("accelerometer", "browsing-topics", "camera", "display-capture", "geolocation", "gyroscope",
                    "magnetometer", "microphone", "midi", "payment", "serial", "usb")
)  # fmt: skip


class RequestLog:
    """Log one line per request; its id is in the answer (``X-Request-ID``), a proxy's id where it gave one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        request.id = request_id  # type: ignore[attr-defined]
        start = time.monotonic()
        with log_context(request_id=request_id, user=lambda: person(request)):
            response = self.get_response(request)
            response["X-Request-ID"] = request_id
            if response.status_code >= 400 or not request.path.startswith((settings.STATIC_URL, *PROBES)):
                logger.info(
                    "%s %s %d", request.method, shown_path(request), response.status_code,
                    extra={"status": response.status_code, "ms": round(1000 * (time.monotonic() - start), 1)},
                )  # fmt: skip
        return response


def person(request: HttpRequest) -> int | None:
    """The key of whoever asks, where that is known already: a line in the log is no reason to ask the database."""
    user: Any = getattr(request, "_cached_user", None) or request.__dict__.get("user")
    # Django's request.user asks when it is looked at; the API puts the person itself there.
    return None if type(user) is SimpleLazyObject else getattr(user, "pk", None)


def shown_path(request: HttpRequest) -> str:
    """The path without what must stay secret: a code in it lets people in."""
    match = request.resolver_match
    return f"/{match.route}" if match and {"code", "key"} & match.kwargs.keys() else request.path


class Probes:
    """Answer ``/healthz``, ``/readyz`` and ``/metrics`` under any host name: orchestrators ask by address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        probe = PROBES.get(request.path)
        return probe(request) if probe else self.get_response(request)


class Headers:
    """Headers of our own beside Django's: what the browser may use, and that signed-in pages are nobody else's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if response.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Cache-Control", "private, no-cache")
        return response
