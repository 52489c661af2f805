"""What was said of a pair, as people read it. Drawings are SVG with attributes only: pages allow no inline styles."""

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def percent(value: float | None) -> str:
    """0.734 → "73 %"."""
    return "–" if value is None else f"{round(100 * value)} %"


@register.simple_tag
def votes_bar(first: int, ties: int, second: int) -> SafeString:
    """A bar in three parts, as wide as people said each; an empty one where nobody has."""
    total, start, parts = first + ties + second, 0.0, []
    for kind, votes in (("first", first), ("tie", ties), ("second", second)):
        width = 200 * votes / total if total else 0.0
        parts.append((kind, f"{start:.2f}", f"{width:.2f}"))
        start += width
    return format_html(
        '<svg class="votes-bar" viewBox="0 0 200 10" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="200" height="10"/>{}</svg>',
        format_html_join("", '<rect class="{}" x="{}" width="{}" height="10"/>', parts),
    )


@register.filter
def points(value: float | None, form: str = "signed") -> str:
    """A difference of shares in percentage points: 0.034 → "+3.4"; ``plain``: without a sign."""
    if value is None:
        return "–"
    return f"{100 * value:.1f}" if form == "plain" else f"{100 * value:+.1f}".replace("-", "−")
