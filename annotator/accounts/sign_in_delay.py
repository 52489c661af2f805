"""Guessing passwords gets slower for an address, and refuses nobody: an office is one address.

After some failures every attempt from there waits a little before it is looked at, the right password too, which is
then taken. Who may not go on at all is decided by name and address together (django-axes).
"""

from __future__ import annotations

import ipaddress
import logging
import threading
import time

from django.core.cache import cache
from django.http import HttpRequest

from annotator.core.client import client_ip

logger = logging.getLogger(__name__)

FREE_FAILURES = 10
STEP_SECONDS, LONGEST_WAIT = 0.25, 3.0
FORGOTTEN_AFTER_SECONDS = 15 * 60
# So many attempts of one web process may wait at once: each takes a thread that pages need as well. Those beyond are
# looked at without waiting, because to refuse them would refuse the right password among them.
_places = threading.BoundedSemaphore(4)


def wait(request: HttpRequest) -> float:
    """Wait as long as failures from this address ask for; returns the seconds."""
    seconds = _seconds(_failures(request))
    if not seconds or not _places.acquire(blocking=False):
        return 0.0
    try:
        time.sleep(seconds)
    finally:
        _places.release()
    return seconds


def note_failure(request: HttpRequest) -> None:
    key = _key(request)
    try:
        cache.add(key, 0, FORGOTTEN_AFTER_SECONDS)
        cache.incr(key)
    except Exception:
        logger.warning("the cache does not answer", exc_info=True)


def _failures(request: HttpRequest) -> int:
    try:
        return int(cache.get(_key(request), 0))
    except Exception:
        logger.warning("the cache does not answer", exc_info=True)
        return 0


def _seconds(failures: int) -> float:
    return min(max(failures - FREE_FAILURES + 1, 0) * STEP_SECONDS, LONGEST_WAIT)


def _key(request: HttpRequest) -> str:
    """An IPv6 network counts as one address: whoever has one has all of it."""
    address = client_ip(request)
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "sign-in-failed:unknown"
    if parsed.version == 6:
        parsed = ipaddress.ip_network(f"{parsed}/64", strict=False).network_address
    return f"sign-in-failed:{parsed}"
