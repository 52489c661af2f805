"""Figures that take long: worked out by a worker, kept in the cache with what they depend on, one at a time.

A page shows the latest ones at once and says how old they are. Where they have not been looked at for a moment, it
asks a worker, which works them out anew only if what they depend on has changed. However many look, one works.

Counts that take a moment only where there are a million rows (``present``) are made while the page is, as long as that
is quick: where there is little data, they are exact and need no worker.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from celery import current_app
from django.core.cache import cache
from django.utils import timezone

from annotator.core.replica import from_replica

logger = logging.getLogger(__name__)

TASK = "core.make_figures"
CHECK_SECONDS = 5
"""So long they are taken for current without a look at what they depend on."""
REST = 10
"""So many times as long as they took as well: of a worker's time, one kind of figures takes a tenth at most."""
QUICK_SECONDS = 0.1
"""What ``present`` makes while a page waits."""
ASK_AGAIN_SECONDS = 60
"""A message may get lost; whoever looks after this sends another."""
LONGEST_SECONDS = 1800
KEPT_SECONDS = 30 * 24 * 3600
FAILED_SECONDS = 3600


@dataclass(frozen=True)
class Kind:
    """``make(of)``: the figures, as what can be pickled. ``depends_on(of)``: all that changes them, as a short text;
    None where finding that out takes as long as making them."""

    make: Callable[[Any], Any]
    depends_on: Callable[[Any], str] | None


@dataclass(frozen=True)
class Figures:
    """``value`` and ``made_at`` are None before the first time; ``is_asked``: a worker has been asked to look;
    ``has_failed``: the last try ended with an error, and another one follows within a minute."""

    value: Any = None
    made_at: datetime | None = None
    is_asked: bool = False
    has_failed: bool = False


_kinds: dict[str, Kind] = {}


def register(name: str, *, make: Callable[[Any], Any], depends_on: Callable[[Any], str] | None = None) -> None:
    _kinds[name] = Kind(make, depends_on)


def present(name: str, of: int | str = "all") -> Any:
    """Make the figures now, where that is quick.

    Otherwise as a worker last worked them out, seconds ago.
    """
    kept = _keys(name, of)[0]
    try:
        known = cache.get(kept)
    except Exception:
        logger.warning("the cache does not answer", exc_info=True)
        return _kinds[name].make(of)
    if known is not None and known[3] >= QUICK_SECONDS:
        found = latest(name, of)
        return found.value if found.made_at else known[0]  # what was kept may have expired between the two looks
    start = time.perf_counter()
    value = _kinds[name].make(of)
    seconds = time.perf_counter() - start
    if seconds >= QUICK_SECONDS:
        try:
            cache.set(kept, (value, timezone.now(), "", seconds), KEPT_SECONDS)
        except Exception:
            logger.warning("the cache does not answer", exc_info=True)
    return value


def latest(name: str, of: int | str) -> Figures:
    """The figures of one thing (``of``: its id, or a name) as last worked out; asks a worker where it is time to look
    again."""
    kept, fresh, asked, _lock, failed = _keys(name, of)
    try:
        found = cache.get_many([kept, fresh, asked, failed])
        if kept not in found or (fresh not in found and asked not in found):
            if cache.add(asked, True, ASK_AGAIN_SECONDS):
                send(name, of)
            found = cache.get_many([kept, fresh, asked, failed])
    except Exception:
        logger.warning("the cache does not answer", exc_info=True)
        found = {}
    value, made_at, _depends_on, _seconds = found.get(kept, (None, None, "", 0.0))
    return Figures(value, made_at, kept not in found or asked in found, failed in found)


def outdated(name: str, of: int | str) -> None:
    """Something has changed them for sure: the next look asks at once."""
    try:
        cache.delete(_keys(name, of)[1])
    except Exception:
        logger.warning("the cache does not answer", exc_info=True)


def send(name: str, of: int | str) -> None:
    """Ask a worker. Where the broker does not answer, the next look asks again."""
    try:
        current_app.send_task(TASK, args=[name, of], queue="default", retry=False)
    except Exception:
        logger.exception("could not ask for figures", extra={"figures": name, "of": of})


def make(name: str, of: int | str) -> bool:
    """Work the figures out if what they depend on has changed; returns whether they were. The work of the task."""
    kind = _kinds[name]
    kept, fresh, asked, lock, failed = _keys(name, of)
    token = uuid.uuid4().hex
    if not cache.add(lock, token, LONGEST_SECONDS):
        return False  # another worker is at it
    try:
        start = time.perf_counter()
        with from_replica():
            # Before the work: what changes meanwhile is seen at the next look.
            depends_on = kind.depends_on(of) if kind.depends_on else ""
            looked = time.perf_counter()
            before = cache.get(kept)
            changed = before is None or kind.depends_on is None or before[2] != depends_on
            value = kind.make(of) if changed else None
        if changed:
            cache.set(kept, (value, timezone.now(), depends_on, time.perf_counter() - looked), KEPT_SECONDS)
        cache.set(fresh, True, max(CHECK_SECONDS, int(REST * (time.perf_counter() - start))))
        cache.delete_many([asked, failed])
        return changed
    except Exception:
        cache.set(failed, True, FAILED_SECONDS)
        raise
    finally:
        if cache.get(lock) == token:
            cache.delete(lock)


def _keys(name: str, of: int | str) -> tuple[str, str, str, str, str]:
    """What is kept, whether it is fresh, whether a worker was asked, whether one is at it, whether one has failed."""
    kept = f"figures-2:{name}:{of}"
    return kept, f"{kept}:fresh", f"{kept}:asked", f"{kept}:lock", f"{kept}:failed"
