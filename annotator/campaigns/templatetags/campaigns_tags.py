"""What was said of a pair, as people read it."""

from django import template

from annotator.core.templatetags.format_tags import percent

register = template.Library()
register.filter("percent", percent)


@register.filter
def points(value: float | None, form: str = "signed") -> str:
    """A difference of shares in percentage points: 0.034 → "+3.4"; ``plain``: without a sign."""
    if value is None:
        return "–"
    return f"{100 * value:.1f}" if form == "plain" else f"{100 * value:+.1f}".replace("-", "−")
