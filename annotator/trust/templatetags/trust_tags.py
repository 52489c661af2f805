"""Shares as people read them."""

from django import template

from annotator.trust.models import QualificationAttempt

register = template.Library()


@register.filter
def percent(value: float | None) -> str:
    """0.734 → "73 %"."""
    return "–" if value is None else f"{round(100 * value)} %"


@register.filter
def plain(value: float) -> str:
    """A number for an HTML attribute, whatever the language of the page."""
    return f"{value:.4f}"


@register.filter
def passed(attempt: QualificationAttempt) -> bool:
    return attempt.passed
