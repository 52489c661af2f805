"""What is asked of admins before a page: a second factor, and in the database admin the password again."""

from collections.abc import Callable

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.reauthentication import is_reauthentication_required, suspend_request
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse

from annotator.accounts.second_factor import lacks_second_factor, words

OPEN = ("/accounts/", "/static/", "/i18n/", "/preferences/", "/healthz", "/readyz")
# Not these, though they are below /accounts/: a token would get past the second factor.
CLOSED = ("/accounts/tokens/",)


class AdminsShowWhoTheyAre:
    """Sends an admin who has no second factor to the page where one is set up (with ADMIN_SECOND_FACTOR only), and one
    who writes in the database admin to the page that asks for the password again."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._refusal(request) or self._asked_again(request) or self.get_response(request)

    def _asked_again(self, request: HttpRequest) -> HttpResponse | None:
        writes = request.method == "POST" and request.path.startswith(reverse("admin:index"))
        if not writes or not request.user.is_authenticated or not is_reauthentication_required(request, app=""):
            return None
        methods = get_adapter().get_reauthentication_methods(request.user)
        return suspend_request(request, methods[0]["url"] if methods else reverse("account_login"))

    def _refusal(self, request: HttpRequest) -> HttpResponse | None:
        if request.path.startswith(OPEN) and not request.path.startswith(CLOSED):
            return None
        if not lacks_second_factor(request.user):
            return None
        if request.path.startswith("/api/"):
            return JsonResponse(
                {"type": "about:blank", "title": words(), "status": 403, "code": "second_factor"},
                status=403,
                content_type="application/problem+json",
            )
        messages.warning(request, words())
        return redirect("mfa_index")
