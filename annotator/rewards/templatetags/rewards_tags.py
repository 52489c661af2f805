"""How rewards are written."""

from __future__ import annotations

import math

from django import template

from annotator.core.errors import ProblemError
from annotator.core.templatetags.format_tags import is_said, signed
from annotator.rewards.judges import kind_of

register = template.Library()
register.filter("signed", signed)


@register.simple_tag
def judge_label(name: str) -> str:
    """The kind's name for people; the plain name where this installation has no such kind."""
    try:
        return str(kind_of(name).label)
    except ProblemError:
        return name


@register.filter
def share(value: float | None, digits: int = 0) -> str:
    """``83%``; a dash where it cannot be said."""
    return f"{100 * value:.{digits}f}%" if is_said(value) else "–"


@register.filter
def share_below(value: float) -> str:
    """``99%``, rounded down: 100% is said of all and of nothing less."""
    return f"{math.floor(100 * value + 1e-9)}%"


@register.filter
def number(value: float | None, digits: int = 2) -> str:
    """``0.42``, ``−1``; a dash where it cannot be said. Nothing is never negative."""
    if not is_said(value):
        return "–"
    text = f"{abs(value):.{digits}f}"
    return f"−{text}" if value < 0 and float(text) else text


@register.filter
def tiny(value: float | None) -> str:
    """``0.012``, ``7e-07``, ``0``: two digits of a difference, however small; a dash where it cannot be said."""
    return "–" if value is None else f"{value:.2g}"


@register.filter
def points(value: float | None, digits: int = 1) -> str:
    """A difference of shares: ``+3.1``, in percentage points; a dash where it cannot be said."""
    return signed(100 * value if is_said(value) else None, digits)
