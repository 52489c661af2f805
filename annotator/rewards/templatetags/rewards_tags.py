"""How rewards are written and drawn. Drawings are SVG with attributes only: the pages allow no inline styles."""

from __future__ import annotations

import math
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from annotator.core.errors import ProblemError
from annotator.rewards.judges import kind_of

register = template.Library()

# What a template has where there is no value: None, or the empty text where a version was not measured at all.
NOT_SAID: tuple[Any, ...] = (None, "")


@register.filter
def signed(value: float | None, digits: int = 3) -> str:
    """``+0.021``, ``−0.140``, ``0.000``: with a sign wherever there is something left after rounding."""
    if value in NOT_SAID:
        return "–"
    text = f"{abs(value):.{digits}f}"
    if not float(text):
        return text
    return ("−" if value < 0 else "+") + text


@register.simple_tag
def judge_label(name: str) -> str:
    """The kind's name for people; the plain name where this installation has no such kind."""
    try:
        return str(kind_of(name).label)
    except ProblemError:
        return name


@register.filter
def share(value: float | None, digits: int = 0) -> str:
    """``83 %``; a dash where it cannot be said."""
    return "–" if value in NOT_SAID else f"{100 * value:.{digits}f} %"


@register.filter
def share_below(value: float) -> str:
    """``99 %``, rounded down: 100 % is said of all and of nothing less."""
    return f"{math.floor(100 * value + 1e-9)} %"


@register.filter
def number(value: float | None, digits: int = 2) -> str:
    """``0.42``, ``−1``; a dash where it cannot be said. Nothing is never negative."""
    if value in NOT_SAID:
        return "–"
    text = f"{abs(value):.{digits}f}"
    return f"−{text}" if value < 0 and float(text) else text


@register.filter
def tiny(value: float | None) -> str:
    """``0.012``, ``7e-07``, ``0``: two digits of a difference, however small; a dash where it cannot be said."""
    return "–" if value is None else f"{value:.2g}"


@register.filter
def points(value: float | None, digits: int = 1) -> str:
    """A difference of shares: ``+3.1``, in percentage points; a dash where it cannot be said."""
    return signed(None if value in NOT_SAID else 100 * value, digits)


@register.simple_tag
def contribution_bar(value: float, most: float) -> SafeString:
    """A bar from the middle: to the right where ``value`` adds, to the left where it takes away; full at ``most``."""
    length = 0.0 if not most else min(abs(value) / most, 1.0) * 100
    start = 100 - length if value < 0 else 100.0
    return format_html(
        '<svg class="bar" viewBox="0 0 200 10" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="200" height="10"/>'
        '<rect class="{}" x="{}" width="{}" height="10"/><rect class="zero" x="99.5" width="1" height="10"/></svg>',
        "minus" if value < 0 else "plus",
        f"{start:.2f}",
        f"{length:.2f}",
    )


@register.simple_tag
def share_bar(value: float | None, mark: float | None = None) -> SafeString:
    """A bar from the left for a share in 0..1, with a line at ``mark`` (a baseline, say)."""
    if value is None:
        return SafeString("")
    line = "" if mark is None else format_html('<rect class="mark" x="{}" width="3" height="10"/>', f"{197 * mark:.2f}")
    kind = "plus" if mark is None or value > mark else "minus" if value < mark else "even"
    return format_html(
        '<svg class="bar" viewBox="0 0 200 10" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="200" height="10"/><rect class="{}" width="{}" height="10"/>{}</svg>',
        kind,
        f"{200 * min(max(value, 0.0), 1.0):.2f}",
        line,
    )


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
    span = (high - low) or 1.0

    def at(value: float) -> float:
        return min(max((value - low) / span, 0.0), 1.0) * 192 + 4

    reach = 2 * (error or 0.0)
    return format_html(
        '<svg class="interval" viewBox="0 0 200 12" aria-hidden="true">'
        '<line class="track" x1="0" x2="200" y1="6" y2="6"/>'
        '<line class="reach" x1="{}" x2="{}" y1="6" y2="6"/><circle class="dot" cx="{}" cy="6" r="4"/></svg>',
        f"{at(mean - reach):.2f}",
        f"{at(mean + reach):.2f}",
        f"{at(mean):.2f}",
    )


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

    words = _("Calibration error %(before)s before") % {"before": share(before.ece, 1)}
    if after is not None:
        words = _("Calibration error %(before)s before, %(after)s after") % {
            "before": share(before.ece, 1),
            "after": share(after.ece, 1),
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
    span = most or 1.0

    def at(value: float) -> str:
        return f"{4 + 192 * min(max(value / span, 0.0), 1.0):.2f}"

    return format_html(
        '<svg class="interval" viewBox="0 0 200 12" preserveAspectRatio="none" aria-hidden="true">'
        '<line class="track" x1="0" x2="200" y1="6" y2="6"/>'
        '<line class="reach" x1="{}" x2="{}" y1="6" y2="6"/><circle class="dot" cx="{}" cy="6" r="4"/></svg>',
        at(interval["low"]),
        at(interval["high"]),
        at(weight),
    )
