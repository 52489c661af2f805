"""What apps further up show on a campaign's page. They register; campaigns knows none of them."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from annotator.campaigns.models import Campaign

ContextFunction = Callable[[HttpRequest, Campaign], dict[str, Any] | None]

_panels: dict[str, ContextFunction] = {}


def register(template: str, context_function: ContextFunction) -> None:
    """Show ``template`` on every campaign's page, in order of registration; call it in ``AppConfig.ready``.

    ``context_function(request, campaign)`` gives the template's context, or None where there is nothing to show to
    this person. ``campaign`` is in the context already.
    """
    _panels[template] = context_function


def unregister(template: str) -> None:
    del _panels[template]


def render_panels(request: HttpRequest, campaign: Campaign) -> list[SafeString]:
    """The panels of a campaign for the person asking, as HTML."""
    rendered = []
    for template, context_function in _panels.items():
        context = context_function(request, campaign)
        if context is not None:
            rendered.append(render_to_string(template, {"campaign": campaign, **context}, request=request))
    return rendered
