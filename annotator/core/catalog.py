"""The texts that the pages' scripts show, one file per language."""

from functools import cache
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils import translation
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from django.views.i18n import JavaScriptCatalog

from reward_engine.storage import sha256

A_YEAR_SECONDS = 365 * 24 * 3600


@require_safe
@cache_control(public=True, immutable=True, max_age=A_YEAR_SECONDS)
def catalog(request: HttpRequest, language: str, version: str) -> HttpResponseBase:
    """Send the script that defines ``gettext`` in a language.

    The address names the language and the texts' version, so a browser may keep the file for good.
    """
    if language not in dict(settings.LANGUAGES):
        raise Http404
    with translation.override(language):
        return JavaScriptCatalog.as_view()(request)


def catalog_url(language: str) -> str:
    """The address of a language's texts; English for a language that the platform does not have."""
    known = language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
    return reverse("core:catalog", args=[known, texts_version()])


@cache
def texts_version() -> str:
    """A short hash of all compiled texts, 12 hexadecimal digits."""
    files = sorted(path for folder in settings.LOCALE_PATHS for path in Path(folder).rglob("djangojs.mo"))
    return sha256(b"".join(path.read_bytes() for path in files))[:12]
