"""Media over HTTP (RFC 9110): only to people who may see it, with ranges so that videos seek."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from rest_framework.exceptions import APIException

from annotator.accounts.authentication import TokenAuthentication
from annotator.accounts.models import Role
from annotator.accounts.roles import has_role
from annotator.library import access, storage
from annotator.library.models import Item

logger = logging.getLogger(__name__)

KEEPERS = (Role.ADMIN, Role.REVIEWER)
CHUNK_BYTES = 256 * 1024
# The bytes of an item never change. A day, not a year: what somebody may no longer see leaves their cache too.
CACHE_CONTROL = "private, max-age=86400, immutable"
_SINGLE_RANGE = re.compile(r"bytes[ ]*=[ ]*(\d{0,18})-(\d{0,18})[ ]*", re.ASCII | re.IGNORECASE)


class UnsatisfiableRangeError(ValueError):
    """The range asked for lies behind the end of the file."""


@require_safe
def media(request: HttpRequest, pk: int) -> HttpResponseBase:
    """What is shown of an item: its view, or the file as it was imported where that is plain."""
    item = _item_for(request, pk)
    # The name says nothing: names that came with the import often tell the generator, which annotators must not know.
    name = f"item-{item.pk}.{item.view or item.extension}"
    mime_type = storage.shown_type(item, item.mime_type)
    return serve(request, item, storage.shown_path(item), mime_type, shown_etag(item), name)


@require_safe
def original(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The file of an item as it was imported, to be kept. Only for reviewers and admins: it may tell its origin."""
    item = _item_for(request, pk, *KEEPERS)
    name = f"item-{item.pk}-original.{item.extension}"
    response = serve(request, item, storage.original_path(item), item.mime_type, f'"{item.sha256}"', name)
    if "Content-Disposition" in response:
        response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def shown_etag(item: Any) -> str:
    """Of the file that is shown: a view made later is another file."""
    return f'"{item.sha256}-view"' if item.view else f'"{item.sha256}"'


@require_safe
def thumbnail(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The small still of an item, a video's poster."""
    item = _item_for(request, pk)
    name = f"item-{item.pk}-small.webp"
    return serve(request, item, storage.thumbnail_path(item), "image/webp", f'"{item.sha256}-small"', name)


def who_asks(request: HttpRequest) -> Any:
    """The person of the session, otherwise of an API token that may do this; an anonymous user for all others."""
    if not request.user.is_authenticated and "Authorization" in request.headers:
        try:
            signed_in = TokenAuthentication().authenticate(request)
        except APIException:  # also a token that may not do this
            return request.user
        return signed_in[0] if signed_in else request.user
    return request.user


def _item_for(request: HttpRequest, pk: int, *roles: Role) -> Item:
    """The item, for a session or an API token (of one of these roles). To all others it does not exist."""
    user = who_asks(request)
    wanted = access.visible_items(user).filter(pk=pk).only("sha256", "extension", "mime_type", "size_bytes", "view")
    item = wanted.first()
    if item is None or (roles and not has_role(user, *roles)):
        raise Http404(_("Media not found."))
    return item


def serve(request: HttpRequest, item: Item, path: Path, mime_type: str, etag: str, name: str) -> HttpResponseBase:
    """One file with validators, as a whole or in part."""
    try:
        size = path.stat().st_size
    except OSError:
        return _missing(item, path)
    if _lists_etag(request.headers.get("If-None-Match", ""), etag):
        return _with_headers(HttpResponse(status=304), etag)
    if settings.MEDIA_ACCEL_PREFIX:
        response: HttpResponseBase = HttpResponse(content_type=mime_type)
        relative = path.relative_to(settings.MEDIA_ROOT).as_posix()
        response["X-Accel-Redirect"] = f"{settings.MEDIA_ACCEL_PREFIX.rstrip('/')}/{quote(relative)}"
        return _with_headers(response, etag, name)
    try:
        wanted = _range(request, size, etag)
    except UnsatisfiableRangeError:
        response = HttpResponse(
            _("This range starts after the end of the file, which has %(size)d bytes.") % {"size": size},
            status=416,
            content_type="text/plain; charset=utf-8",
        )
        response["Content-Range"] = f"bytes */{size}"
        response["Accept-Ranges"] = "bytes"
        response["Cache-Control"] = "no-store"
        return response
    start, length = wanted or (0, size)
    if request.method == "HEAD":
        response = HttpResponse(content_type=mime_type)
    else:
        try:
            file = path.open("rb")
        except OSError:
            return _missing(item, path)
        if wanted is None:
            response = FileResponse(file, content_type=mime_type)
            response.block_size = CHUNK_BYTES
        else:
            response = StreamingHttpResponse(_Slice(file, start, length), content_type=mime_type)
    if wanted is not None:
        response.status_code = 206
        response["Content-Range"] = f"bytes {start}-{start + length - 1}/{size}"
    response["Content-Length"] = str(length)
    return _with_headers(response, etag, name)


def _with_headers(response: HttpResponseBase, etag: str, name: str = "") -> HttpResponseBase:
    response["ETag"] = etag
    response["Cache-Control"] = CACHE_CONTROL
    patch_vary_headers(response, ["Cookie", "Authorization"])
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    if name:
        response["Accept-Ranges"] = "bytes"
        response["Content-Disposition"] = f'inline; filename="{name}"'
    return response


def _missing(item: Item, path: Path) -> HttpResponse:
    logger.error("the file of an item is missing", extra={"item": item.pk, "path": str(path)})
    return HttpResponse(
        _("The file of item %(pk)d is missing on the server. Import it again, or restore it from a backup.")
        % {"pk": item.pk},
        status=404,
        content_type="text/plain; charset=utf-8",
        headers={"Cache-Control": "no-store"},
    )


def _lists_etag(header: str, etag: str) -> bool:
    """Whether an If-None-Match names this file; weak comparison, as RFC 9110 13.1.2 has it."""
    return header.strip() == "*" or etag in {tag.strip().removeprefix("W/") for tag in header.split(",")}


def _range(request: HttpRequest, size: int, etag: str) -> tuple[int, int] | None:
    """Start and length of the one range asked for; None where the whole file is to be sent.

    Several ranges, another unit or nonsense are answered with the whole file, as RFC 9110 14.2 allows. So is a
    range that is tied (If-Range) to another state of the file; a date there never fits, since we send none.
    """
    header = request.headers.get("Range", "")
    if not header or request.headers.get("If-Range", etag).strip() != etag:
        return None
    found = _SINGLE_RANGE.fullmatch(header.strip())
    if not found or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if first == "":
        length = min(int(last), size)
        if length == 0:
            raise UnsatisfiableRangeError
        return size - length, length
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise UnsatisfiableRangeError
    end = min(int(last), size - 1) if last else size - 1
    return start, end - start + 1


class _Slice:
    """A part of an open file, read in small blocks; closes the file also where nobody read it to the end."""

    def __init__(self, file: IO[bytes], start: int, length: int) -> None:
        self._file = file
        self._left = length
        file.seek(start, os.SEEK_SET)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        block = self._file.read(min(CHUNK_BYTES, self._left)) if self._left else b""
        if not block:
            raise StopIteration
        self._left -= len(block)
        return block

    def close(self) -> None:
        self._file.close()
