"""JSON from outside: read once, with its limits, and without what neither the database nor a page can hold."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from django.utils.translation import gettext as _

from annotator.core.errors import ProblemError

DEEPEST = 32
"""Lists and objects inside each other; nothing that is asked for needs more than five."""

_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
# What a second look is for: escaped characters, and numbers that may be too large for a float.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|\d[eE]\+?\d{2}|\d{300}")


class BadJsonError(ProblemError):
    """A body that is no JSON, or none that may be taken in."""

    code = "malformed"


def read_json(body: bytes | str) -> Any:
    """The value that the body stands for.

    Raises:
        BadJsonError: Codes ``malformed``, ``too_deep``, ``bad_text``.
    """
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    if _is_too_deep(raw):
        raise BadJsonError(
            _("The JSON is nested more than %(most)d levels deep.") % {"most": DEEPEST},
            code="too_deep",
        )
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise BadJsonError(_("The text is not valid UTF-8 (byte %(place)d).") % {"place": error.start + 1}) from error
    except ValueError as error:  # also a whole number of more digits than Python reads
        raise BadJsonError(_("The text is not valid JSON: %(error)s.") % {"error": str(error)[:200]}) from error
    if _SUSPECT.search(raw):
        _check(value)
    return value


def bad_character(text: str) -> str:
    """What of the text cannot be stored, in words; "" where all can."""
    if "\0" in text:
        return _("a NUL character")
    if not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text):
        return _("an unpaired surrogate")
    return ""


def _is_too_deep(raw: bytes) -> bool:
    if raw.count(b"[") + raw.count(b"{") <= DEEPEST:
        return False
    depth = 0
    for found in _BRACKET.finditer(raw):
        sign = found[0]
        if sign in (b"[", b"{"):
            depth += 1
            if depth > DEEPEST:
                return True
        elif sign in (b"]", b"}"):
            depth -= 1
    return False


def _check(value: Any) -> None:
    """Refuse texts and numbers in it that nothing can hold, with ``field``: the key at the top that they are below.

    No recursion: the depth has been looked at.
    """
    top = value.items() if isinstance(value, dict) else [("", value)]
    waiting: list[tuple[str, Any]] = [(name, part) for name, below in top for part in (name, below)]
    while waiting:
        field, one = waiting.pop()
        where: dict[str, Any] = {"field": field} if field and not bad_character(field) else {}
        if isinstance(one, dict):
            waiting += [(field, part) for part in (*one.keys(), *one.values())]
        elif isinstance(one, list):
            waiting += [(field, part) for part in one]
        elif isinstance(one, str):
            if found := bad_character(one):
                raise BadJsonError(
                    _("A string in the JSON contains %(what)s. Remove it.") % {"what": found},
                    code="bad_text", **where,
                )  # fmt: skip
        elif isinstance(one, float) and not math.isfinite(one):
            raise BadJsonError(_("A number in the JSON is too large."), code="bad_number", **where)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
