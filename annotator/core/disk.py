"""A full disk is nobody's mistake in the program: known wherever it shows, so that it can be told in words."""

from __future__ import annotations

import errno
from typing import Any

from django.utils.translation import gettext as _

from annotator.core.errors import ProblemError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
DATABASE_FULL = "53100"
"""PostgreSQL's code for a disk that is full."""


class DiskFullError(ProblemError):
    """There was no room for what was sent; nothing of it was saved."""

    code = "disk_full"
    status = 507

    def __init__(self, **details: Any) -> None:
        super().__init__(
            _("The server’s disk is full, so nothing was saved. Tell an admin, and try again once there is space."),
            **details,
        )


def disk_is_full(error: BaseException | None) -> bool:
    """Whether this error, or one that it came from, says that there is no room left."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        if getattr(error, "sqlstate", None) == DATABASE_FULL:
            return True
        error = error.__cause__ or error.__context__
    return False
