"""Whole numbers that come as text, from an address or a form."""

import re

LARGEST = 2**63 - 1
_WHOLE = re.compile(r"-?[0-9]{1,19}", re.ASCII)


def whole(text: str, *, least: int = 0, most: int = LARGEST) -> int | None:
    """The number that the text is, from ``least`` to ``most``; None for everything else."""
    if not _WHOLE.fullmatch(text):
        return None
    number = int(text)
    return number if least <= number <= most else None
