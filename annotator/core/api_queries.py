"""Which query names an address of the API knows; any other is refused, because a filter that is ignored lies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpRequest
from django.utils.translation import gettext as _

from annotator.core.errors import ProblemError

View = TypeVar("View", bound=Callable[..., Any])
EVERYWHERE = ("format",)


def takes(*names: str) -> Callable[[View], View]:
    """Decorator of a method of an API view: it reads these query names, beside the filters and pages of a list."""

    def mark(method: View) -> View:
        method.query_names = names  # type: ignore[attr-defined]
        return method

    return mark


def unknown_names(request: HttpRequest, view: Callable[..., Any]) -> None:
    """Refuse query names that a view does not read.

    Raises:
        ProblemError: If the address has a name that its view does not read (400, code ``unknown_query``).
    """
    given = list(request.GET)
    cls = getattr(view, "cls", None)
    if not given or cls is None:
        return
    known = known_names(cls, getattr(view, "actions", None), getattr(view, "initkwargs", {}), request.method or "")
    if unknown := sorted(set(given) - known - set(EVERYWHERE)):
        shown = ", ".join(sorted(known)) or _("none")
        raise ProblemError(
            _("Unknown parameter “%(unknown)s”. Known parameters: %(known)s.")
            % {"unknown": ", ".join(name[:60] for name in unknown[:10]), "known": shown},
            code="unknown_query", known=sorted(known), unknown=[name[:60] for name in unknown[:10]],
        )  # fmt: skip


def known_names(cls: type, actions: dict[str, str] | None, initkwargs: dict[str, Any], method: str) -> set[str]:
    """The query names that one method of an API view reads."""
    name = (actions or {}).get(method.lower(), method.lower())
    handler = getattr(cls, name, None)
    known = set(getattr(handler, "query_names", ()))
    paginator = initkwargs.get("pagination_class", getattr(cls, "pagination_class", None))
    lists = name == "list" or (actions is not None and method == "GET" and name != "retrieve")
    if method in ("GET", "HEAD") and lists and paginator is not None:
        known |= set(paginator.query_names)
    if name == "list":
        known |= _filters(cls)
    return known


def _filters(cls: type) -> set[str]:
    filterset = getattr(cls, "filterset_class", None)
    if filterset is not None:
        return set(filterset.base_filters)
    fields = getattr(cls, "filterset_fields", None) or ()
    if not isinstance(fields, dict):
        return set(fields)
    return {
        name if lookup == "exact" else f"{name}__{lookup}" for name, lookups in fields.items() for lookup in lookups
    }
