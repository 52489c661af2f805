"""The media of one's own work, under names that tell nothing of the item."""

import uuid

from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotator.accounts.models import User
from annotator.campaigns.models import Assignment, HumanComparison
from annotator.library import storage
from annotator.library.models import Item
from annotator.library.serving import serve, who_asks
from reward_engine.storage import sha256


@require_safe
def media(request: HttpRequest, token: uuid.UUID) -> HttpResponseBase:
    """The file of the item of one's own assignment."""
    return _send(request, _assigned(request, token), token)


@require_safe
def thumbnail(request: HttpRequest, token: uuid.UUID) -> HttpResponseBase:
    """The small still of the item of one's own assignment."""
    return _send(request, _assigned(request, token), token, small=True)


@require_safe
def side(request: HttpRequest, token: uuid.UUID, side: str) -> HttpResponseBase:
    """The file of the left or the right item of one's own comparison."""
    return _send(request, _compared(request, token, side), f"{token}-{side}")


@require_safe
def side_thumbnail(request: HttpRequest, token: uuid.UUID, side: str) -> HttpResponseBase:
    """The small still of the left or the right item of one's own comparison."""
    return _send(request, _compared(request, token, side), f"{token}-{side}", small=True)


def _person(request: HttpRequest) -> User:
    """Who asks, by a session or an API token. Http404 for nobody."""
    user: User = who_asks(request)
    if not user.is_authenticated or not user.is_active:
        raise Http404(_("Media not found."))
    return user


def _assigned(request: HttpRequest, token: uuid.UUID) -> Item:
    own = Assignment.objects.filter(token=token, annotator=_person(request)).select_related("campaign_item__item")
    found = own.first()
    if found is None:
        raise Http404(_("Media not found."))
    return found.campaign_item.item


def _compared(request: HttpRequest, token: uuid.UUID, side: str) -> Item:
    if side not in ("left", "right"):
        raise Http404(_("Media not found."))
    own = HumanComparison.objects.filter(token=token, annotator=_person(request))
    found = own.select_related("pair__first", "pair__second").first()
    if found is None:
        raise Http404(_("Media not found."))
    return found.left if side == "left" else found.right


def _send(request: HttpRequest, item: Item, name: object, small: bool = False) -> HttpResponseBase:
    # Tied to the assignment too: the same file under two assignments has two validators.
    etag = '"' + sha256(f"{name}:{item.sha256}:{item.view}:{small}".encode())[:32] + '"'
    if small:
        return serve(request, item, storage.thumbnail_path(item), "image/webp", etag, "small.webp")
    mime_type = storage.shown_type(item, item.mime_type)
    return serve(request, item, storage.shown_path(item), mime_type, etag, f"item.{item.view or item.extension}")
