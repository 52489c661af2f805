"""Columns by their names, as people write them: “Prompt ” and “PROMPT” are the column “prompt”."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from reward_engine.tables.rows import TableError


def plain(name: str) -> str:
    """A name without what does not tell it from another: capitals, space around it, the two forms of é."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def column_named(wanted: str, columns: Iterable[str]) -> str | None:
    """The column that is meant by a name: the very one, else the only one that differs in capitals alone.

    Raises TableError (ambiguous_column) where two do.
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
