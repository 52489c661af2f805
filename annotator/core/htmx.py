"""One address answers with a page, or with the part of it that htmx asks for."""

from django.http import HttpRequest
from django.views.decorators.vary import vary_on_headers

part_or_page = vary_on_headers("HX-Request", "HX-History-Restore-Request")
"""View decorator: a browser that goes back must not take the part that htmx was given for the page."""


def wants_part(request: HttpRequest) -> bool:
    """Whether htmx asks for the part. A page that it restores for the way back is asked for whole."""
    return bool(request.htmx) and not request.htmx.history_restore_request
