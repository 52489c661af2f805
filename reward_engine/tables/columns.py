"""Columns by their names, as people write them: “Prompt ” and “PROMPT” are the column “prompt”."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from reward_engine.tables.rows import TableError


def plain(name: str) -> str:
    """Reduce a name to what tells it from others.

    Capitals, space around it, and the two forms of é do not count.
    """
    return unicodedata.normalize("NFC", name).strip().casefold()


def column_named(wanted: str, columns: Iterable[str]) -> str | None:
    """Find the column that is meant by a name.

    It is the very one, else the only one that differs in capitals alone.

    Raises:
        TableError: If two do (``ambiguous_column``).
    """
    columns = list(columns)
    if wanted in columns:
        return wanted
    like = [column for column in columns if plain(column) == plain(wanted)]
    if len(like) > 1:
        raise TableError(
            f"{' and '.join(f'“{column}”' for column in like[:3])} may both be the column “{wanted}”; rename one.",
            "ambiguous_column",
            column=wanted,
        )
    return like[0] if like else None
