"""What every API view shares: problem details (RFC 9457), forms read strictly, and how people are named."""

from typing import Any

from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import exception_handler

from annotator.core.errors import ProblemError
from annotator.core.request_checks import check_fields, problem_of


def person_field() -> serializers.SlugRelatedField[Any]:
    """Who did it, by username; null where nobody did (a schedule) or the person is gone."""
    return serializers.SlugRelatedField(slug_field="username", read_only=True, allow_null=True)


class StrictMultiPartParser(MultiPartParser):
    """As DRF's, and no field has a character in it that cannot be stored."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        found = super().parse(stream, media_type, parser_context)
        check_fields(found.data, found.files)
        return found


def problem_details(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Every API error as ``application/problem+json``."""
    problem = exc if isinstance(exc, ProblemError) else problem_of(exc)
    if problem is not None:
        exc = problem
        body = {"type": "about:blank", "title": exc.message, "status": exc.status, "code": exc.code, **exc.details}
        return Response(body, status=exc.status, content_type="application/problem+json")
    response = exception_handler(exc, context)
    if response is None:
        return None
    data = response.data
    detail = data.get("detail") if isinstance(data, dict) else None
    body = {
        "type": "about:blank",
        "title": str(detail) if detail else "The request is not valid.",
        "status": response.status_code,
        "code": getattr(detail, "code", None) or "invalid",
    }
    if detail is None:
        body["errors"] = data
    response.data = body
    response.content_type = "application/problem+json"
    return response
