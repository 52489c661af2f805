"""Sensitive acts ask for the password again, or the second factor, unless it was given a few minutes ago."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import (
    is_reauthentication_required,
    raise_if_reauthentication_required,
)
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from annotator.core.errors import NotAllowedError


def asks_again(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """View decorator, inside the one that asks for a role: a POST is kept, and made once the person has shown that it
    is they (allauth's middleware does both)."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "POST":
            raise_if_reauthentication_required(request, app="")
        return view(request, *args, **kwargs)

    return guarded


def ask_first(request: HttpRequest, *, then: str) -> HttpResponseBase | None:
    """The way to the page that asks for the password, which goes on to ``then``; None where nobody need ask.

    For what is read, such as a file: a file that came after the password would leave its reader on the page that asks.
    """
    if not is_reauthentication_required(request, app=""):
        return None
    methods = get_adapter().get_reauthentication_methods(request.user)
    address = methods[0]["url"] if methods else reverse("account_login")
    return redirect(f"{address}?{urlencode({'next': then})}")


def shown_lately(request: HttpRequest) -> bool:
    """Whether the person signed in or showed again who they are within ``ACCOUNT_REAUTHENTICATION_TIMEOUT`` seconds.

    allauth's own check counts a second showing only, which would ask whoever has signed in a moment ago.
    """
    times = [record["at"] for record in get_authentication_records(request, request.user)]
    return bool(times) and time.time() - max(times) < app_settings.REAUTHENTICATION_TIMEOUT


class ShownLately(BasePermission):
    """Lets a browser's session do a sensitive act by the API only shortly after the password; a token's scope is
    enough for a program."""

    def has_permission(self, request: Request, view: object) -> bool:
        by_session = isinstance(request.successful_authenticator, SessionAuthentication)
        if by_session and is_reauthentication_required(request._request, app=""):
            raise NotAllowedError(
                _("Give your password again first (on the page %(page)s), or use an API token.")
                % {"page": reverse("account_reauthenticate")},
                code="password_again",
            )
        return True
