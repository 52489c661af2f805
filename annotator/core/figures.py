"""Figures that take long: worked out by a worker, kept in the cache with what they depend on, one at a time.

A page shows the latest ones at once and says how old they are. Where they have not been looked at for a moment, it
asks a worker, which works them out anew only if what they depend on has changed. However many look, one works.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from celery import current_app
from django.core.cache import cache
from django.utils import timezone

logger = logging.getLogger(__name__)

TASK = "core.make_figures"
CHECK_SECONDS = 5
"""So long they are taken for current without a look at what they depend on."""
ASK_AGAIN_SECONDS = 60
"""A message may get lost; whoever looks after this sends another."""
LONGEST_SECONDS = 1800
KEPT_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True)
class Kind:
    """``make(pk)``: the figures, as what can be pickled. ``depends_on(pk)``: all that changes them, as a short text."""

    make: Callable[[int], Any]
    depends_on: Callable[[int], str]


@dataclass(frozen=True)
class Figures:
    """``value`` and ``made_at`` are None before the first time; ``is_asked``: a worker has been asked to look."""

    value: Any = None
    made_at: datetime | None = None
    is_asked: bool = False


_kinds: dict[str, Kind] = {}


def register(name: str, *, make: Callable[[int], Any], depends_on: Callable[[int], str]) -> None:
    _kinds[name] = Kind(make, depends_on)


def latest(name: str, pk: int) -> Figures:
    """The figures as they were last worked out; asks a worker where it is time to look again."""
    kept, fresh, asked = _keys(name, pk)[:3]
    try:
        found = cache.get_many([kept, fresh, asked])
        if kept not in found or (fresh not in found and asked not in found):
            if cache.add(asked, True, ASK_AGAIN_SECONDS):
                send(name, pk)
            found = cache.get_many([kept, fresh, asked])
    except Exception:
        logger.warning("the cache does not answer", exc_info=True)
        found = {}
    value, made_at, _depends_on = found.get(kept, (None, None, ""))
    return Figures(value, made_at, kept not in found or asked in found)


def outdated(name: str, pk: int) -> None:
    """Something has changed them for sure: the next look asks at once."""
    try:
        cache.delete(_keys(name, pk)[1])
    except Exception:
        logger.warning("the cache does not answer", exc_info=True)


def send(name: str, pk: int) -> None:
    """Ask a worker. Where the broker does not answer, the next look asks again."""
    try:
        current_app.send_task(TASK, args=[name, pk], queue="default", retry=False)
    except Exception:
        logger.exception("could not ask for figures", extra={"figures": name, "of": pk})


def make(name: str, pk: int) -> bool:
    """Work the figures out if what they depend on has changed; returns whether they were. The work of the task."""
    kind = _kinds[name]
    kept, fresh, asked, lock = _keys(name, pk)
    token = uuid.uuid4().hex
    if not cache.add(lock, token, LONGEST_SECONDS):
        return False  # another worker is at it
    try:
        depends_on = kind.depends_on(pk)  # before the work: what changes meanwhile is seen at the next look
        before = cache.get(kept)
        changed = before is None or before[2] != depends_on
        if changed:
            cache.set(kept, (kind.make(pk), timezone.now(), depends_on), KEPT_SECONDS)
        cache.set(fresh, True, CHECK_SECONDS)
        cache.delete(asked)
        return changed
    finally:
        if cache.get(lock) == token:
            cache.delete(lock)


def _keys(name: str, pk: int) -> tuple[str, str, str, str]:
    """What is kept, whether it is fresh, whether a worker was asked, and whether one is at it."""
    return (
        f"figures:{name}:{pk}", f"figures:{name}:{pk}:fresh", f"figures:{name}:{pk}:asked", f"figures:{name}:{pk}:lock"
    )  # fmt: skip
