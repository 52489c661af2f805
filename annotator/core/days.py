"""When a person's day begins: by the clock of their browser, which tells its time zone in a cookie."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime, time, tzinfo
from functools import lru_cache
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

COOKIE = "zone"
_zone: ContextVar[tzinfo | None] = ContextVar("zone", default=None)


class Zones:
    """Keeps the zone of the person asking while their request lasts.

    Django's own current time zone stays the platform's: it would also change what times in forms and in the API mean.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        token = _zone.set(_named(request.COOKIES.get(COOKIE, "")))
        try:
            return self.get_response(request)
        finally:
            _zone.reset(token)


def midnight() -> datetime:
    """When today began for the person asking; by the platform's clock where nobody is known to ask."""
    zone = _zone.get() or timezone.get_default_timezone()
    return datetime.combine(timezone.now().astimezone(zone), time.min, tzinfo=zone)


@lru_cache(maxsize=600)
def _named(name: str) -> tzinfo | None:
    """The zone of a name such as “Europe/Berlin”; None for whatever else a cookie may say."""
    try:
        return ZoneInfo(unquote(name)) if 0 < len(name) <= 60 else None
    except (ValueError, OSError, KeyError):
        return None
