"""Admins without a second factor set one up first, where the installation says so."""

from collections.abc import Callable

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from annotator.accounts.models import Role
from annotator.accounts.roles import has_role

OPEN = ("/accounts/", "/static/", "/i18n/", "/preferences/", "/healthz", "/readyz")


class SecondFactorForAdmins:
    """Sends an admin who has no second factor to the page where one is set up; with ADMIN_SECOND_FACTOR only."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._refusal(request) or self.get_response(request)

    def _refusal(self, request: HttpRequest) -> HttpResponse | None:
        if not settings.ADMIN_SECOND_FACTOR or request.path.startswith(OPEN):
            return None
        if not request.user.is_authenticated or not has_role(request.user, Role.ADMIN) or is_mfa_enabled(request.user):
            return None
        words = _("Admins of this installation need a second factor. Set one up to go on.")
        if request.path.startswith("/api/"):
            return JsonResponse(
                {"type": "about:blank", "title": words, "status": 403, "code": "second_factor"},
                status=403,
                content_type="application/problem+json",
            )
        messages.warning(request, words)
        return redirect("mfa_index")
