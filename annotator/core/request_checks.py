"""The one front door: what no address can take is refused here, in words, from pages and from the API alike.

NUL characters anywhere, JSON that is too deep or broken, bodies that are too large or come without a length,
addresses that miss their last slash, and query names that an API address does not know. A disk that is full is
told as such (507), whatever was being written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponseBase, RawPostDataException, UnreadablePostError
from django.urls import is_valid_path
from django.utils.translation import gettext as _

from annotator.core import pages
from annotator.core.api_queries import unknown_names
from annotator.core.disk import DiskFullError, disk_is_full
from annotator.core.errors import ProblemError
from annotator.core.json_input import bad_character, read_json

READING = ("GET", "HEAD", "OPTIONS", "TRACE")
_JSON = re.compile(r"application/(?:json|[\w.-]+\+json)\b")
# An octal escape in a quoted cookie is a character as well.
_NUL = re.compile(r"\0|%00")


class RequestChecks:
    """Middleware, outside of everything that reads a request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            self._check_address(request)
            if request.method not in READING:
                self._check_writing(request)
        except (RequestDataTooBig, UnreadablePostError, OSError) as error:
            answer = answer_to(request, error)
            if answer is None:
                raise
            return answer
        except ProblemError as problem:
            return pages.refused(request, problem)
        response = self.get_response(request)
        if response.status_code == 405 and not getattr(response, "content", b"-"):
            return _not_allowed(request, response)
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        try:
            if request.path.startswith("/api/v1/"):
                unknown_names(request, view)
            elif request.method not in READING and (request.content_type or "").startswith("multipart/"):
                _check_form(request)
        except ProblemError as problem:
            return pages.refused(request, problem)
        except Exception as error:
            return self.process_exception(request, error) or _again(error)
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        return answer_to(request, exception)

    def _check_address(self, request: HttpRequest) -> None:
        asked = request.META.get("QUERY_STRING", "")
        if "\0" in request.path or _NUL.search(asked) or any("\0" in value for value in request.COOKIES.values()):
            raise ProblemError(_("The URL or a cookie contains a NUL character. Remove it."), code="nul")

    def _check_writing(self, request: HttpRequest) -> None:
        path = request.path_info
        if not path.endswith("/") and not is_valid_path(path) and is_valid_path(f"{path}/"):
            raise ProblemError(
                _("Nothing was done: the URL must end with a slash: %(path)s/.") % {"path": request.path},
                code="no_slash", status=404,
            )  # fmt: skip
        if settings.SECURE_SSL_REDIRECT and not request.is_secure():
            raise ProblemError(
                _("Nothing was done: send the request to https://%(host)s.") % {"host": request.get_host()},
                code="no_https",
            )
        if "CONTENT_LENGTH" not in request.META and request.headers.get("Transfer-Encoding"):
            raise ProblemError(
                _("Send the body with a Content-Length header, not in chunks."), code="no_length", status=411
            )
        if _JSON.match(request.content_type or ""):
            if request.body:  # refused by Django where it is larger than settings allow
                read_json(request.body)
        elif request.content_type == "application/x-www-form-urlencoded" and (
            b"\0" in request.body or b"%00" in request.body
        ):
            raise ProblemError(_("A field contains a NUL character. Remove it."), code="nul")


def _check_form(request: HttpRequest) -> None:
    """The fields of a form with files, read here where a full disk can still be told."""
    check_fields(request.POST, request.FILES)


def check_fields(fields: Any, files: Any) -> None:
    """Check that every character of a form can be stored.

    Raises:
        ProblemError: If a field or a file's name has a character in it that cannot be stored.
    """
    for name, values in fields.lists():
        for value in (name, *values):
            if isinstance(value, str) and (found := bad_character(value)):
                raise ProblemError(
                    _("The field “%(name)s” contains %(what)s. Remove it.")
                    % {"name": name.replace("\0", "")[:60], "what": found},
                    code="nul",
                )
    for name, uploads in files.lists():
        if bad_character(name) or any(bad_character(upload.name or "") for upload in uploads):
            raise ProblemError(_("A file name contains a character that is not allowed. Rename the file."), code="nul")


def answer_to(request: HttpRequest, error: BaseException) -> HttpResponseBase | None:
    """The answer in words to what went wrong outside of our program; None for everything else."""
    problem = problem_of(error)
    return None if problem is None else pages.refused(request, problem)


def problem_of(error: BaseException) -> ProblemError | None:
    """The same as an error with words, for whoever answers in another form."""
    if isinstance(error, RequestDataTooBig):
        return ProblemError(
            _("The request is too large: the limit is %(most)d MB, not counting files.")
            % {"most": settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 2**20},
            code="too_large", status=413,
        )  # fmt: skip
    if isinstance(error, TooManyFieldsSent | TooManyFilesSent):
        return ProblemError(
            _("The request has too many fields or files: the limit is %(fields)d fields and %(files)d files.")
            % {
                "fields": settings.DATA_UPLOAD_MAX_NUMBER_FIELDS,
                "files": settings.DATA_UPLOAD_MAX_NUMBER_FILES,
            },
            code="too_many", status=413,
        )  # fmt: skip
    if disk_is_full(error):
        return DiskFullError()
    if isinstance(error, RawPostDataException):
        return ProblemError(_("This endpoint accepts JSON, not a form with files."), code="not_json", status=415)
    if isinstance(error, UnreadablePostError):
        return ProblemError(_("The request ended before all of it arrived. Send it again."), code="cut_off")
    return None


def _again(error: Exception) -> HttpResponseBase:
    raise error


def _not_allowed(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    allowed = response.headers.get("Allow", "")
    answer = pages.refused(
        request,
        ProblemError(
            _("This endpoint does not allow %(method)s. Allowed: %(allowed)s.")
            % {"method": request.method, "allowed": allowed},
            code="method_not_allowed", status=405,
        ),
    )  # fmt: skip
    answer["Allow"] = allowed
    return answer
