"""How the system page writes times and looks up figures."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone

from annotator.core.templatetags.core_tags import span

register = template.Library()


@register.filter
def seconds(value: float | None) -> str:
    """Write a number of seconds in words a person would use."""
    return span(None if value is None else timedelta(seconds=value))


@register.filter
def age(value: datetime) -> str:
    """Write how long ago a time was."""
    return span(timezone.now() - value)


@register.filter
def epoch(value: float) -> datetime:
    """Read seconds since the epoch as a time."""
    return datetime.fromtimestamp(value, UTC)


@register.filter
def at(values: Mapping[str, Any], key: str) -> Any:
    """Look up what a mapping has under a key; None where it has nothing."""
    return values.get(key)
