"""Shares as people read them."""

from django import template

from annotator.core.templatetags.format_tags import percent
from annotator.trust.models import QualificationAttempt

register = template.Library()
register.filter("percent", percent)


@register.filter
def plain(value: float) -> str:
    """A number for an HTML attribute, whatever the language of the page."""
    return f"{value:.4f}"


@register.filter
def passed(attempt: QualificationAttempt) -> bool:
    return attempt.passed
