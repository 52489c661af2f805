"""How sizes, speeds and changes are written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeGuard

from django import template

from annotator.core.templatetags.core_tags import millions, size, span

# What a template has where there is no value: None, or the empty text where nothing was measured at all.
NOT_SAID: tuple[Any, ...] = (None, "")

register = template.Library()
register.filter("bytes", size)
register.filter("millions", millions)


def is_said(value: object) -> TypeGuard[float]:
    """Whether a template has a number here."""
    return value not in NOT_SAID


@register.filter
def duration(seconds: float | None) -> str:
    """Rough, in words a person would use: the estimate is no better."""
    if seconds is None:
        return "–"
    return "≈ " + span(timedelta(seconds=max(seconds, 1)))


@register.filter
def speed(steps_a_second: float | None) -> str:
    """``3.2 steps/s``; below one a second the other way round, ``12.0 s/step``."""
    if not steps_a_second:
        return "–"
    return f"{steps_a_second:.1f} steps/s" if steps_a_second >= 1 else f"{1 / steps_a_second:.1f} s/step"


@register.filter
def signed(value: float | None, digits: int = 3) -> str:
    """``+0.021``, ``−0.140``, ``0.000``: with a sign wherever there is something left after rounding."""
    if not is_said(value):
        return "–"
    text = f"{abs(value):.{digits}f}"
    if not float(text):
        return text
    return ("−" if value < 0 else "+") + text


@register.filter
def percent(value: float | None, digits: int = 0) -> str:
    """``83%``."""
    return "–" if value is None else f"{100 * value:.{digits}f}%"


@register.filter
def width(share: float | None) -> str:
    """A share in 0..1 as a length of a drawing."""
    return f"{100 * (share or 0.0):.2f}%"


@register.filter
def from_right(share: float | None) -> str:
    """Where a bar of this share begins that ends on the right."""
    return f"{100 - 100 * (share or 0.0):.2f}%"
