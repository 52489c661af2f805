"""Pages for when something is wrong, in the look of the others; programs get the same as problem details."""

from __future__ import annotations

import sys
from http import HTTPStatus

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.template import loader
from django.templatetags.static import static
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import requires_csrf_token
from django.views.decorators.http import require_safe

from annotator.core.disk import DiskFullError, disk_is_full
from annotator.core.errors import ProblemError


@require_safe
@cache_control(max_age=24 * 3600, public=True)
def favicon(request: HttpRequest) -> HttpResponse:
    """For whoever asks without having read a page of ours."""
    return HttpResponseRedirect(static("img/favicon.ico"))


@login_required
def api_docs(request: HttpRequest) -> HttpResponse:
    """The API reference. Swagger UI's usual page starts itself by an inline script; ours by a file."""
    return render(request, "core/api_docs.html")


@requires_csrf_token
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_program(request):
        return _problem(request, 400, _("The request is not valid."), "bad_request")
    return _plain(request, 400, _("The request is not valid."))


def refused(request: HttpRequest, problem: ProblemError) -> HttpResponse:
    """What was asked for cannot be taken in: a page, problem details for a program, JSON for a page's script."""
    if _is_program(request):
        return _problem(request, problem.status, problem.message, problem.code, **problem.details)
    if _is_script(request):
        body = {"message": problem.message, "code": problem.code, **problem.details}
        return JsonResponse(body, status=problem.status)
    return _plain(request, problem.status, problem.message)


@requires_csrf_token
def forbidden(request: HttpRequest, exception: Exception | None = None, reason: str = "") -> HttpResponse:
    """403; also Django's CSRF failure view, which passes a ``reason``."""
    if _is_program(request):
        return _problem(request, 403, _("You do not have permission to do this."), "permission_denied")
    return render(request, "core/403.html", {"stale_form": bool(reason)}, status=403)


@requires_csrf_token
def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_program(request):
        return _problem(request, 404, _("There is nothing at this address."), "not_found")
    said = exception.args[0] if exception.args and isinstance(exception.args[0], str) else ""
    # Django's own words ("No Job matches the given query.") are for programmers.
    return render(request, "core/404.html", {"said": "" if "matches the given query" in said else said}, status=404)


def too_many_requests(request: HttpRequest, *args: object) -> HttpResponse:
    """429: too many attempts to sign in (allauth), or a person locked out for a while (axes)."""
    if _is_program(request):
        answer = _problem(request, 429, _("Too many requests. Wait a moment and try again."), "throttled")
    else:
        answer = render(request, "core/429.html", status=429)
    answer["Retry-After"] = "900"
    return answer


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:
    """500. Something is broken already, so it asks neither the database nor the session, and cannot fail itself.

    A disk that is full is told as such (507): no program is broken then.
    """
    if disk_is_full(sys.exc_info()[1]):
        return refused(request, DiskFullError())
    if _is_program(request):
        return _problem(request, 500, _("The server could not complete the request."), "server_error")
    return _plain(request, 500, _("The server could not complete the request."))


def _plain(request: HttpRequest, status: int, title: str) -> HttpResponse:
    context = {"title": title, "status": status, "request_id": getattr(request, "id", "")}
    try:
        page = loader.get_template("core/error.html").render(context)
    except Exception:
        page = f"<!doctype html><title>{HTTPStatus(status).phrase}</title><h1>{HTTPStatus(status).phrase}</h1>"
    return HttpResponse(page, status=status)


def _is_program(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _is_script(request: HttpRequest) -> bool:
    return "application/json" in (request.content_type, request.headers.get("Accept"))


def _problem(request: HttpRequest, status: int, title: str, code: str, **details: object) -> HttpResponse:
    body = {"type": "about:blank", "title": title, "status": status, "code": code, **details}
    return JsonResponse(body, status=status, content_type="application/problem+json")
