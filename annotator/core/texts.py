"""Texts for records that people of every language read: made in all languages at once, shown in the reader's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from django.conf import settings
from django.utils import translation
from django.utils.translation import ngettext

Texts: TypeAlias = dict[str, str]
"""Language code → text, with every language of the platform."""


def in_all_languages(make: Callable[[], str]) -> Texts:
    """Make a text in each language. ``make`` composes it with ``gettext`` and ``ngettext``."""
    texts = {}
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            texts[code] = str(make())
    return texts


def in_this_language(texts: Texts | str) -> str:
    """The text in the active language; English where it was made before that language was added."""
    if isinstance(texts, str):
        return texts
    return texts.get(translation.get_language() or "") or texts.get(settings.LANGUAGE_CODE, "")


def joined(sentences: Iterable[str]) -> str:
    """Sentences one after the other: with spaces between them, in Chinese without."""
    return ("" if (translation.get_language() or "").startswith("zh") else " ").join(s for s in sentences if s)


def items_text(n: int) -> str:
    """ "1 item", "1,200 items"."""
    return ngettext("%(n)s item", "%(n)s items", n) % {"n": f"{n:,}"}


def prompts_text(n: int) -> str:
    """ "1 prompt", "1,200 prompts"."""
    return ngettext("%(n)s prompt", "%(n)s prompts", n) % {"n": f"{n:,}"}
