"""What Prometheus reads: counts of this program's processes, and what apps look up at each scrape.

Labels are bounded: names of views, kinds of jobs, queues, states; never paths or ids. Counts are kept whether or not
anybody reads them: one costs about a microsecond.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from annotator.core.metrics_folder import VARIABLE

logger = logging.getLogger(__name__)

# Ours alone: the library's own registry adds collectors that do not fit several processes.
OWN = CollectorRegistry()
REQUESTS = Counter(
    "visionreward_requests", "Requests answered, by name of the view.", ["view", "method", "status"], registry=OWN
)
REQUEST_SECONDS = Histogram(
    "visionreward_request_seconds", "Seconds from the first middleware to the answer, by name of the view.", ["view"],
    registry=OWN, buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)  # fmt: skip
ANSWERS = Counter("visionreward_answers", "Answers that annotators saved or took back.", registry=OWN)
LEASES_EXPIRED = Counter("visionreward_leases_expired", "Leases that ran out before a submission.", registry=OWN)
JOB_SECONDS = Histogram(
    "visionreward_job_seconds", "Seconds from the start of a job's run to its end.", ["kind", "state"], registry=OWN,
    buckets=(0.1, 1, 10, 60, 300, 1800, 7200, 43200),
)  # fmt: skip
ITEMS_SCORED = Counter("visionreward_items_scored", "Scores that were saved.", registry=OWN)

Lookup = Callable[[], Iterable[Metric]]
LOOKUPS: list[Lookup] = []
"""What the web server's answer holds beyond the counts. Apps add to it when they start."""

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class Lookups:
    """The collector that calls what apps registered; one that fails leaves its own metrics out."""

    def __init__(self, lookups: Iterable[Lookup]) -> None:
        self.lookups = lookups

    def collect(self) -> Iterable[Metric]:
        for lookup in self.lookups:
            try:
                yield from list(lookup())
            except Exception:
                logger.exception("metrics could not be looked up")


def registry(lookups: Iterable[Lookup]) -> CollectorRegistry:
    """Put together the counts of all processes of this program, and the lookups."""
    found = CollectorRegistry()
    if VARIABLE in os.environ:
        MultiProcessCollector(found)
    else:
        found.register(OWN)
    found.register(Lookups(lookups))
    return found


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer a scrape that knows ``METRICS_TOKEN``; without that setting there is no such page."""
    if not settings.METRICS_TOKEN:
        return HttpResponse("Metrics are off: set METRICS_TOKEN.\n", status=404, content_type="text/plain")
    if not constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {settings.METRICS_TOKEN}"):
        return HttpResponse(
            "Send “Authorization: Bearer …” with the value of METRICS_TOKEN.\n", status=401,
            content_type="text/plain; charset=utf-8", headers={"WWW-Authenticate": "Bearer"},
        )  # fmt: skip
    body = generate_latest(registry(LOOKUPS))
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


class RequestMetrics:
    """Middleware: count each request under the name of its view."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not settings.METRICS_TOKEN:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        start = time.perf_counter()
        response = self.get_response(request)
        view = view_of(request)
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(view, method, response.status_code).inc()
        REQUEST_SECONDS.labels(view).observe(time.perf_counter() - start)
        return response


def view_of(request: HttpRequest) -> str:
    """Name the view of an answered request; static files and what no view took have one name each."""
    if request.resolver_match is not None:
        return request.resolver_match.view_name or "unnamed"
    return "static" if request.path.startswith(settings.STATIC_URL) else "none"
