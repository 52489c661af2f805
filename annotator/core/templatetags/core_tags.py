"""Template tags that pages of every app use."""

from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

from django import template
from django.forms import BoundField, CheckboxInput
from django.template import RequestContext
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy, ngettext

from annotator.core.catalog import catalog_url
from annotator.core.notices import Notice, notices
from annotator.core.texts import in_this_language

register = template.Library()
register.simple_tag(catalog_url, name="text_catalog")
register.filter("in_this_language", in_this_language)

# Who sees which link, in the order of the work: (label, URL name, roles).
NAVIGATION = [
    (gettext_lazy("Home"), "home", ("annotator", "reviewer", "admin")),
    (gettext_lazy("Campaigns"), "campaigns:list", ("annotator", "reviewer", "admin")),
    (gettext_lazy("Library"), "library:items", ("reviewer", "admin")),
    (gettext_lazy("Models"), "rewards:models", ("reviewer", "admin")),
    (gettext_lazy("Scores"), "rewards:scores", ("reviewer", "admin")),
    (gettext_lazy("MPO"), "mpo:pair-sets", ("reviewer", "admin")),
    (gettext_lazy("Datasets"), "datasets:list", ("reviewer", "admin")),
    (gettext_lazy("Agreement"), "insights:agreement", ("reviewer", "admin")),
    (gettext_lazy("Jobs"), "jobs:list", ("reviewer", "admin")),
]
AREAS = {"insights:agreement": "../"}
"""Links that are current on all pages of a folder, relative to their own address."""


@register.simple_tag(takes_context=True)
def navigation(context: RequestContext) -> list[dict[str, Any]]:
    """The main links of the person asking; the longest one that fits the present path is current."""
    request = context["request"]
    roles = context["person_roles"]
    links: list[dict[str, Any]] = []
    for label, name, wanted in NAVIGATION:
        if {*wanted}.intersection(roles):
            try:
                url = reverse(name)
                links.append({"label": label, "url": url, "area": urljoin(url, AREAS.get(name, "")), "current": False})
            except NoReverseMatch:
                continue
    fitting = [
        link
        for link in links
        if request.path == link["url"] or (link["area"] != "/" and request.path.startswith(link["area"]))
    ]
    if fitting:
        max(fitting, key=lambda link: len(link["url"]))["current"] = True
    return links


@register.simple_tag(takes_context=True)
def header_notices(context: RequestContext) -> list[Notice]:
    """What the header tells the person asking."""
    return notices(context["request"])


@register.simple_tag(takes_context=True)
def has_role(context: RequestContext, *roles: str) -> bool:
    return any(role in roles for role in context.get("person_roles") or ())


@register.simple_tag(takes_context=True)
def replace_query(context: RequestContext, **changes: Any) -> str:
    """The present query string with some parameters changed; None takes one out."""
    query = context["request"].GET.copy()
    for key, value in changes.items():
        if value is None:
            query.pop(key, None)
        else:
            query[key] = value
    return f"?{query.urlencode()}"


@register.simple_tag(takes_context=True)
def page_query(context: RequestContext, number: int, of: str = "") -> str:
    """The present query string with another page of a list; a page has several lists where ``of`` names them."""
    return replace_query(context, **{of or "page": number})


@register.filter
def widget_kind(field: BoundField) -> str:
    return "checkbox" if isinstance(field.field.widget, CheckboxInput) else ""


@register.filter
def described(field: BoundField) -> SafeString:
    """The field's input, tied to its help and errors for screen readers."""
    ids = [f"{field.auto_id}_errors"] * bool(field.errors) + [f"{field.auto_id}_help"] * bool(field.help_text)
    attrs: dict[str, Any] = {}
    if ids:
        attrs["aria-describedby"] = " ".join(ids)
    if field.errors:
        attrs["aria-invalid"] = "true"
    return field.as_widget(attrs=attrs)


@register.filter
def span(value: timedelta | None) -> str:
    """A duration in words a person would use: ``4 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if value is None:
        return "–"
    seconds = max(round(value.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s" if minutes < 10 and seconds else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days = round(hours / 24)
    return ngettext("%(days)d day", "%(days)d days", days) % {"days": days}


@register.filter
def moment(value: Any) -> SafeString | str:
    """A time as a ``<time>`` element: UTC for readers without JavaScript, the local clock otherwise."""
    if value is None:
        return "–"
    return format_html('<time datetime="{}">{} UTC</time>', value.isoformat(), value.strftime("%Y-%m-%d %H:%M"))


@register.filter(name="bytes")
def size(value: float | None) -> str:
    """``1.2 GB``, ``340 MB``, ``12 kB``."""
    if value is None:
        return "–"
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= factor:
            number = value / factor
            return f"{number:.0f} {unit}" if number >= 100 else f"{number:.1f} {unit}"
    return f"{value:.0f} B"


@register.filter
def millions(value: float | None) -> str:
    """``860 M``, ``2.6 G``."""
    if value is None:
        return "–"
    if value >= 1e9:
        return f"{value / 1e9:.1f} G"
    return f"{value / 1e6:.0f} M" if value >= 1e7 else f"{value / 1e6:.2f} M"
