"""How many requests the API answers in a minute: by token, and by person whatever tokens they use."""

from __future__ import annotations

import logging
import math
import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

logger = logging.getLogger(__name__)

MINUTE = 60


class Throttle(BaseThrottle):
    """Two counters a key, of this minute and the last, make a window that slides; no count is lost between processes.

    Without a cache nobody is counted: the API goes on.
    """

    setting = ""

    def key(self, request: Request) -> object | None:
        raise NotImplementedError

    def allow_request(self, request: Request, view: Any) -> bool:
        most = int(getattr(settings, self.setting))
        key = self.key(request) if most > 0 else None
        if key is None:
            return True
        now = time.time()
        minute, gone = divmod(now, MINUTE)
        name = f"api-requests:{self.setting}:{key}"
        this, last = f"{name}:{int(minute)}", f"{name}:{int(minute) - 1}"
        try:
            cache.add(this, 0, 2 * MINUTE)
            count = cache.incr(this)
            before = cache.get(last, 0)
            if count + before * (1 - gone / MINUTE) <= most:
                return True
            cache.decr(this)  # what is refused is not counted: who keeps asking gets in no later
        except Exception:
            logger.warning("the cache does not answer", exc_info=True)
            return True
        self.seconds = until_one_fits(most, count - 1, before, gone)
        return False

    def wait(self) -> float:
        return max(math.ceil(self.seconds), 1)


def until_one_fits(most: int, count: int, before: int, gone: float) -> float:
    """Seconds until one more request fits, ``gone`` seconds into a minute with ``count``, after one with ``before``."""
    if before > 0 and most - count >= 1:  # as the last minute leaves the window
        return max(MINUTE * (1 - (most - count - 1) / before) - gone, 0)
    return MINUTE - gone + MINUTE * max(1 - (most - 1) / count, 0)  # as this one does, in the next minute


class TokenThrottle(Throttle):
    setting = "API_TOKEN_PER_MINUTE"

    def key(self, request: Request) -> object | None:
        return getattr(request.auth, "pk", None)


class PersonThrottle(Throttle):
    setting = "API_PERSON_PER_MINUTE"

    def key(self, request: Request) -> object | None:
        return request.user.pk if request.user and request.user.is_authenticated else None
