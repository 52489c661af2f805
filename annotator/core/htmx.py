"""One address answers with a page, or with the part of it that htmx asks for."""

from typing import cast

from django.http import HttpRequest
from django.views.decorators.vary import vary_on_headers
from django_htmx.middleware import HtmxDetails

part_or_page = vary_on_headers("HX-Request", "HX-History-Restore-Request")
"""View decorator: a browser that goes back must not take the part that htmx was given for the page."""


class HtmxRequest(HttpRequest):
    """A request as django_htmx's middleware hands it on."""

    htmx: HtmxDetails


def htmx_of(request: HttpRequest) -> HtmxDetails:
    """Read what htmx says of a request; false where htmx did not send it."""
    return cast(HtmxRequest, request).htmx


def wants_part(request: HttpRequest) -> bool:
    """Whether htmx asks for the part. A page that it restores for the way back is asked for whole."""
    htmx = htmx_of(request)
    return bool(htmx) and not htmx.history_restore_request
