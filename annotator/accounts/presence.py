"""When people did something last: opened a page, saved an answer, let a program ask for them.

Kept in the cache, once a minute for each person: a column would cost every request a write. Where the cache has been
emptied, the last sign-in and the last use of a token are what is still known.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime

from django.core.cache import cache
from django.db.models import Max
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from redis.exceptions import RedisError

from annotator.accounts.models import ApiToken, User
from annotator.core.middleware import person

SECONDS_BETWEEN = 60.0
KEPT_SECONDS = 400 * 24 * 3600
MOST_REMEMBERED = 10_000


class Presence:
    """Notes that whoever asks is here. What an open page asks by itself (htmx polling) is no act."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self._noted: dict[int, float] = {}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        by_itself = request.method in ("GET", "HEAD") and "HX-Request" in request.headers
        pk = None if by_itself else person(request)
        if pk is not None and time.monotonic() - self._noted.get(pk, -SECONDS_BETWEEN) >= SECONDS_BETWEEN:
            if len(self._noted) >= MOST_REMEMBERED:
                self._noted.clear()
            self._noted[pk] = time.monotonic()
            with suppress(RedisError):  # no request fails for this
                cache.set(_key(pk), timezone.now(), KEPT_SECONDS)
        return response


def last_acts(people: Iterable[User]) -> dict[int, datetime]:
    """The person's pk → when they did something last; who never did is not in it."""
    people = list(people)
    found = {person.pk: [person.last_login] for person in people}
    tokens = ApiToken.objects.filter(user__in=found).order_by().values("user").annotate(last=Max("last_used_at"))
    for row in tokens:
        found[row["user"]].append(row["last"])
    with suppress(RedisError):
        noted = cache.get_many([_key(pk) for pk in found])
        for pk, moments in found.items():
            moments.append(noted.get(_key(pk)))
    known = {pk: [moment for moment in moments if moment is not None] for pk, moments in found.items()}
    return {pk: max(moments) for pk, moments in known.items() if moments}


def _key(pk: int) -> str:
    return f"last-act:{pk}"
