"""How media facts are written for people."""

import json

from django import template
from django.utils.html import format_html

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
def frame_data(item: Item) -> str:
    """Write what scripts read of a clip: its frame rate, and when its frames begin where they are unevenly spaced."""
    times = storage.frame_times(item)
    return format_html(
        'data-frame-rate="{}" data-frame-times="{}"', f"{item.frame_rate or 24:.4f}", json.dumps(times) if times else ""
    )


@register.filter
def parameter(value: object) -> str:
    """One value of a generator's parameters, short where it is simple."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
