"""Delimited text: comma, semicolon or tab, as spreadsheets of all countries write it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import chain

from reward_engine.tables.rows import TableError, TableRow

# Excel reads this line as its own and shows it to nobody; other programs write it for Excel.
_SEP_LINE = re.compile(r'"?sep=([,;|\t])"?[,;|\t]*\s*', re.IGNORECASE)


class Delimited:
    """A table with its ``header``; iterate for the rows.

    A row whose cells do not fit the header has a problem, and its values as far as they fit: a cell too many is never
    dropped. Blank rows are passed over, but counted. A column without a name is allowed where its cells are empty, as
    spreadsheets leave them.

    Raises:
        TableError: If it cannot be read on.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        rest = iter(lines)
        first = next(rest, "")
        named = _SEP_LINE.fullmatch(first)
        self._skipped = 1 if named else 0
        if named:
            first = next(rest, "")
        if not first.strip():
            raise TableError("the first line is empty; it must name the columns.", "no_header")
        self.delimiter = named[1] if named else delimiter_of(first)
        self._reader = csv.reader(chain((first,), rest), delimiter=self.delimiter, strict=True)
        self.header = self._read_header()

    def _read_header(self) -> list[str]:
        try:
            header = [cell.strip() for cell in next(self._reader)]
        except csv.Error as error:
            raise self._broken(error) from error
        while header and not header[-1]:
            header.pop()
        seen: set[str] = set()
        for position, column in enumerate(header, 1):
            if not column:
                raise TableError(f"column {position} of the header has no name; name or delete it.", "unnamed_column")
            if column in seen:
                raise TableError(
                    f"the header has the column “{column}” twice; rename or delete one.",
                    "duplicate_column",
                    column=column,
                )
            seen.add(column)
        return header

    def __iter__(self) -> Iterator[TableRow]:
        number = 0
        try:
            for number, cells in enumerate(self._reader, 1):
                if any(cell.strip() for cell in cells):
                    yield self._row(number, [cell.strip() for cell in cells])
        except csv.Error as error:
            raise self._broken(error) from error

    def _row(self, number: int, cells: list[str]) -> TableRow:
        values = dict(zip(self.header, cells, strict=False))
        surplus = [position for position in range(len(self.header), len(cells)) if cells[position]]
        if len(cells) >= len(self.header) and not surplus:
            return TableRow(number, values)
        return TableRow(
            number,
            values,
            f"{len(cells)} cells, but the header has {len(self.header)} columns. A cell with "
            f"{_NAMES[self.delimiter]} or a line break in it must stand in quotation marks.",
            "wrong_cell_count",
        )

    def _broken(self, error: csv.Error) -> TableError:
        return TableError(
            f'{error}. Most often a quotation mark is not closed; inside a quoted cell it is written twice ("").',
            "bad_csv",
            line=self._reader.line_num + self._skipped,
        )


_NAMES = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}


def delimiter_of(header: str) -> str:
    """Find what parts the header most often, outside quotation marks: comma, semicolon or tab."""
    outside = "".join(header.split('"')[::2])
    return max(",;\t", key=outside.count)
