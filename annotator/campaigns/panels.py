"""What apps further up show on a campaign's page. They register; campaigns knows none of them."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from annotator.campaigns.models import Campaign, CampaignKind

ContextFunction = Callable[[HttpRequest, Campaign], dict[str, Any] | None]

_panels: dict[str, tuple[ContextFunction, tuple[str, ...]]] = {}


def register(
    template: str, context_function: ContextFunction, *, kinds: tuple[str, ...] = (CampaignKind.JUDGING,)
) -> None:
    """Show ``template`` on the pages of campaigns of these kinds, in order of registration; call it in
    ``AppConfig.ready``.

    ``context_function(request, campaign)`` gives the template's context, or None where there is nothing to show to
    this person. ``campaign`` is in the context already.
    """
    _panels[template] = (context_function, kinds)


def unregister(template: str) -> None:
    del _panels[template]


def render_panels(request: HttpRequest, campaign: Campaign) -> list[SafeString]:
    """The panels of a campaign for the person asking, as HTML."""
    rendered = []
    for template, (context_function, kinds) in _panels.items():
        context = context_function(request, campaign) if campaign.kind in kinds else None
        if context is not None:
            rendered.append(render_to_string(template, {"campaign": campaign, **context}, request=request))
    return rendered
