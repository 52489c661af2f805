"""How media facts are written for people."""

import json

from django import template

from annotator.library import storage
from annotator.library.models import Item

register = template.Library()


@register.filter
def clock(milliseconds: int | None) -> str:
    """A clip's length as players show it: ``0:04``, ``1:02:05``; tenths below ten seconds: ``4.2 s``."""
    if milliseconds is None:
        return ""
    if milliseconds < 10_000:
        return f"{milliseconds / 1000:.1f} s"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


@register.filter
def frame_times(item: Item) -> list[float]:
    """Seconds at which the frames of a clip are shown; empty where they are evenly spaced."""
    return storage.frame_times(item)


@register.filter
def parameter(value: object) -> str:
    """One value of a generator's parameters, short where it is simple."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
