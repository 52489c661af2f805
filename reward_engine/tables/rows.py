"""One row of a table, and what can be wrong with it or with the whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reward_engine.errors import DataError


class TableError(DataError):
    """A table that cannot be used as a whole. ``message`` has no file name: whoever reads the file adds it.

    ``line`` counts from 1; ``column`` is the one that is meant, where it is one.
    """

    def __init__(self, message: str, code: str, *, line: int | None = None, column: str | None = None) -> None:
        super().__init__(message, code=code)
        self.line = line
        self.column = column

    @property
    def where(self) -> str:
        """ ", line 3", or nothing where it is about the whole."""
        return "" if self.line is None else f", line {self.line}"


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row. ``number`` counts from 1 (behind the header, where there is one), blank rows too.

    ``values``: column → cell, as far as they could be read. ``problem``: why the row cannot be used, ``code`` for
    programs; both empty where it can.
    """

    number: int
    values: dict[str, Any]
    problem: str = ""
    code: str = ""
