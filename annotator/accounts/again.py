"""Sensitive acts ask for the password again, or the second factor, unless it was given a few minutes ago."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account import app_settings
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from django.http import HttpRequest, HttpResponseBase


def asks_again(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """View decorator, inside the one that asks for a role: a POST is kept, and made once the person has shown that it
    is they (allauth's middleware does both)."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "POST" and not _shown_lately(request):
            raise_if_reauthentication_required(request, app="")
        return view(request, *args, **kwargs)

    return guarded


def _shown_lately(request: HttpRequest) -> bool:
    """Whether the person signed in or showed again who they are within ``ACCOUNT_REAUTHENTICATION_TIMEOUT`` seconds.

    allauth's own check counts a second showing only, which would ask whoever has signed in a moment ago.
    """
    times = [record["at"] for record in get_authentication_records(request, request.user)]
    return bool(times) and time.time() - max(times) < app_settings.REAUTHENTICATION_TIMEOUT
