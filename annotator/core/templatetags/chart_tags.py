"""Small charts. They are SVG with attributes only: the pages allow no inline styles."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from annotator.core.templatetags.format_tags import percent, signed

register = template.Library()


@register.simple_tag
def contribution_bar(value: float, most: float) -> SafeString:
    """A bar from the middle: to the right where ``value`` adds, to the left where it takes away; full at ``most``."""
    length = 0.0 if not most else min(abs(value) / most, 1.0) * 100
    start = 100 - length if value < 0 else 100.0
    parts = format_html(
        '<rect class="{}" x="{}" width="{}" height="10"/><rect class="zero" x="99.5" width="1" height="10"/>',
        "minus" if value < 0 else "plus",
        f"{start:.2f}",
        f"{length:.2f}",
    )
    return _bar("bar", parts)


@register.simple_tag
def share_bar(value: float | None, mark: float | None = None) -> SafeString:
    """A bar from the left for a share in 0..1, with a line at ``mark`` (a baseline, say)."""
    if value is None:
        return SafeString("")
    line = "" if mark is None else format_html('<rect class="mark" x="{}" width="3" height="10"/>', f"{197 * mark:.2f}")
    kind = "plus" if mark is None or value > mark else "minus" if value < mark else "even"
    width = f"{200 * min(max(value, 0.0), 1.0):.2f}"
    return _bar("bar", format_html('<rect class="{}" width="{}" height="10"/>{}', kind, width, line))


@register.simple_tag
def reward_histogram(histogram: Any) -> SafeString:
    """The distribution of rewards as a small picture, described in words for those who do not see it."""
    counts, edges = histogram
    if not len(counts):
        return SafeString("")
    width, tallest = 200 / len(counts), int(counts.max())
    bars = format_html_join(
        "",
        '<rect class="plus" x="{}" y="{}" width="{}" height="{}"/>',
        (
            (
                f"{i * width:.2f}",
                f"{40 - 40 * int(c) / tallest:.2f}",
                f"{width * 0.86:.2f}",
                f"{40 * int(c) / tallest:.2f}",
            )
            for i, c in enumerate(counts)
        ),
    )
    words = _("%(n)d rewards between %(low)s and %(high)s") % {
        "n": int(counts.sum()),
        "low": signed(float(edges[0]), 2),
        "high": signed(float(edges[-1]), 2),
    }
    return format_html(
        '<svg class="histogram" viewBox="0 0 200 40" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>',
        words,
        bars,
    )


@register.simple_tag
def interval_bar(mean: float, error: float | None, low: float, high: float) -> SafeString:
    """A dot at ``mean`` with a line of two standard errors to each side, between ``low`` and ``high``."""
    reach = 2 * (error or 0.0)
    return _interval((mean - reach, mean, mean + reach), low, high)


@register.simple_tag
def reliability_diagram(before: Any, after: Any = None) -> SafeString:
    """Predicted P(yes) to the right, how often the answer was yes upwards: the nearer to the diagonal, the better."""
    if not before.bins:
        return SafeString("")

    def line(kind: str, found: Any) -> SafeString:
        points = [(f"{100 * b.mean_p:.1f}", f"{100 - 100 * b.share_yes:.1f}") for b in found.bins]
        path = " ".join(f"{x},{y}" for x, y in points)
        dots = format_html_join("", '<circle class="{}" cx="{}" cy="{}" r="1.6"/>', ((kind, x, y) for x, y in points))
        return format_html('<polyline class="{}" points="{}"/>{}', kind, path, dots)

    words = _("Calibration error %(before)s before") % {"before": percent(before.ece, 1)}
    if after is not None:
        words = _("Calibration error %(before)s before, %(after)s after") % {
            "before": percent(before.ece, 1),
            "after": percent(after.ece, 1),
        }
    return format_html(
        '<svg class="reliability" viewBox="-3 -3 106 106" role="img" aria-label="{}">'
        '<rect class="frame" width="100" height="100"/><line class="ideal" x1="0" y1="100" x2="100" y2="0"/>{}{}</svg>',
        words,
        line("before", before),
        line("after", after) if after is not None else "",
    )


@register.simple_tag
def weight_interval(weight: float, interval: dict[str, float] | None, most: float) -> SafeString:
    """A dot at the weight with its interval, between 0 and ``most``."""
    if interval is None:
        return SafeString("")
    stretched = SafeString(' preserveAspectRatio="none"')
    return _interval((interval["low"], weight, interval["high"]), 0.0, most, stretched)


@register.simple_tag
def votes_bar(first: int, ties: int, second: int) -> SafeString:
    """A bar in three parts, as wide as people said each; an empty one where nobody has."""
    total, start, parts = first + ties + second, 0.0, []
    for kind, votes in (("first", first), ("tie", ties), ("second", second)):
        width = 200 * votes / total if total else 0.0
        parts.append((kind, f"{start:.2f}", f"{width:.2f}"))
        start += width
    return _bar("votes-bar", format_html_join("", '<rect class="{}" x="{}" width="{}" height="10"/>', parts))


def _interval(found: tuple[float, float, float], low: float, high: float, attributes: str = "") -> SafeString:
    """A dot with a line around it, from (where it begins, dot, where it ends), between ``low`` and ``high``."""
    span = (high - low) or 1.0
    begin, dot, end = (f"{4 + 192 * min(max((value - low) / span, 0.0), 1.0):.2f}" for value in found)
    return format_html(
        '<svg class="interval" viewBox="0 0 200 12"{} aria-hidden="true">'
        '<line class="track" x1="0" x2="200" y1="6" y2="6"/>'
        '<line class="reach" x1="{}" x2="{}" y1="6" y2="6"/><circle class="dot" cx="{}" cy="6" r="4"/></svg>',
        attributes,
        begin,
        end,
        dot,
    )


def _bar(kind: str, parts: SafeString) -> SafeString:
    """A bar with its track below these parts; it stretches with the page."""
    return format_html(
        '<svg class="{}" viewBox="0 0 200 10" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="200" height="10"/>{}</svg>',
        kind,
        parts,
    )
