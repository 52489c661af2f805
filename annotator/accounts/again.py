"""Sensitive acts ask for the password again, or the second factor, unless it was given a few minutes ago."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from django.http import HttpRequest, HttpResponseBase


def asks_again(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """View decorator, inside the one that asks for a role: a POST is kept, and made once the person has shown that it
    is they (allauth's middleware does both)."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "POST":
            raise_if_reauthentication_required(request, app="")
        return view(request, *args, **kwargs)

    return guarded
