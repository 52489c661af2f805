"""What every API view shares: pages and problem details (RFC 9457)."""

from typing import Any

from rest_framework import serializers
from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response
from rest_framework.views import exception_handler

from annotator.core.errors import ProblemError


def person_field() -> serializers.SlugRelatedField[Any]:
    """Who did it, by username; null where nobody did (a schedule) or the person is gone."""
    return serializers.SlugRelatedField(slug_field="username", read_only=True, allow_null=True)


class Pagination(PageNumberPagination):
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 1000


def problem_details(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Every API error as ``application/problem+json``."""
    if isinstance(exc, ProblemError):
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
