"""Figures with their intervals, as cells of a table."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from reward_engine.evaluation import Interval

register = template.Library()


@register.filter
def with_interval(figure: Interval | None) -> SafeString:
    """Two decimals, and below them the ends of the interval; a dash for what cannot be said."""
    if figure is None:
        return SafeString("–")
    return format_html(
        '{} <span class="ends">{} … {}</span>', *(_number(end) for end in (figure.value, figure.low, figure.high))
    )


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")
