"""What other apps show on an item's page: scores, judgments, pairs. They register; the library knows none of them."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from annotator.library.models import Item

ContextFunction = Callable[[HttpRequest, Item], dict[str, Any] | None]

_panels: dict[str, ContextFunction] = {}


def register(template: str, context_function: ContextFunction) -> None:
    """Show ``template`` on every item's page, in order of registration; call it in ``AppConfig.ready``.

    ``context_function(request, item)`` gives the template's context, or None where there is nothing to show to
    this person. ``item`` is in the context already.
    """
    _panels[template] = context_function


def unregister(template: str) -> None:
    del _panels[template]


def render_panels(request: HttpRequest, item: Item) -> list[SafeString]:
    """The panels of an item for the person asking, as HTML."""
    rendered = []
    for template, context_function in _panels.items():
        context = context_function(request, item)
        if context is not None:
            rendered.append(render_to_string(template, {"item": item, **context}, request=request))
    return rendered
