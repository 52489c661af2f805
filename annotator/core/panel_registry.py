"""What apps further up show on a page of an app further down. They register; the page's app knows none of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

ContextFunction = Callable[[HttpRequest, Any], dict[str, Any] | None]


class PanelRegistry:
    """The panels of one page. ``name``: what the templates call the object that the page shows."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._panels: dict[str, ContextFunction] = {}

    def register(self, template: str, context_function: ContextFunction) -> None:
        """Show ``template`` on every such page, in order of registration; call it in ``AppConfig.ready``.

        ``context_function(request, object)`` gives the template's context, or None where there is nothing to show to
        this person. The object is in the context already.
        """
        self._panels[template] = context_function

    def unregister(self, template: str) -> None:
        del self._panels[template]

    def render(self, request: HttpRequest, shown: Any) -> list[SafeString]:
        """Render the panels for the person asking, as HTML."""
        contexts = ((template, make(request, shown)) for template, make in self._panels.items())
        return [
            render_to_string(template, {self.name: shown, **context}, request=request)
            for template, context in contexts
            if context is not None
        ]
