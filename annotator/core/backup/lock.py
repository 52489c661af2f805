"""One backup of a database at a time, and none while old ones are removed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.utils.translation import gettext

from annotator.core.errors import ConflictError
from annotator.core.locks import held_lock

LOCK = 0x6261636B7570
"""Of the advisory lock that is held meanwhile."""


@contextmanager
def alone() -> Iterator[None]:
    """Hold the lock while the block runs.

    Raises:
        ConflictError: If another backup is being made, or old ones are being removed.
    """
    with held_lock(LOCK, wait=False) as held:
        if not held:
            raise ConflictError(gettext("Another backup is being made. Wait until it has finished."), code="running")
        yield
