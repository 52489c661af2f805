"""A full disk is nobody's mistake in the program: known wherever it shows, so that it can be told in words."""

from __future__ import annotations

import errno
import re
from typing import Any

from django.utils.translation import gettext as _

from annotator.core.errors import ProblemError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
DATABASE_FULL = "53100"
"""PostgreSQL's code for a disk that is full."""
# What libraries that write files themselves say of it, without its number: safetensors, NumPy, PyTorch. A training in
# a process of its own hands on such a text only.
_SAID = re.compile(
    r"No space left on device|Disk quota exceeded|\((?:os error|errno) (?:27|28|122)\)|\[Errno (?:27|28|122)\]"
    r"|^\d+ requested and \d+ written$"
    r"|PytorchStreamWriter failed writing|inline_container\.cc:\d+\] \. unexpected pos",
    re.IGNORECASE | re.MULTILINE,
)


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
        if getattr(error, "sqlstate", None) == DATABASE_FULL or says_disk_is_full(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def says_disk_is_full(text: str) -> bool:
    """Whether the text of an error says that there is no room left."""
    return bool(_SAID.search(text))
