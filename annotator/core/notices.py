"""What the header tells a person on every page: apps further up register, the header knows none of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest


@dataclass(frozen=True)
class Notice:
    """A short text that leads to a page."""

    text: str
    url: str


Notifier = Callable[[HttpRequest], Notice | None]
"""What the person asking is to be told now, or None; one quick query at most, as every page asks."""

notifiers: list[Notifier] = []


def notices(request: HttpRequest) -> list[Notice]:
    """Ask every app what the header is to tell."""
    return [notice for notice in (notifier(request) for notifier in notifiers) if notice is not None]
