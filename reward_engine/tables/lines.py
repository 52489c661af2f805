"""Lines of a text: what ends a line everywhere, and nothing else.

``str.splitlines`` also splits at U+2028, U+0085 and others, which may stand in a prompt and in a JSON string.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from reward_engine.tables.encodings import encoding_of
from reward_engine.tables.rows import TableError


def json_lines(text: str) -> list[str]:
    """The lines of JSON Lines, without the empty ones."""
    return [line for line in text.split("\n") if line.strip(" \t\r")]


class TextLines:
    """The lines of a file, ends kept, its encoding told; a context.

    Raises:
        TableError: With the code ``bad_encoding`` or ``too_long_line``.
    """

    def __init__(self, path: Path, most_characters: int | None = None) -> None:
        self.encoding = encoding_of(path)
        self._most = most_characters
        self._file = path.open(encoding=self.encoding, newline="")

    def __iter__(self) -> Iterator[str]:
        number = 0
        while line := self._file.readline(-1 if self._most is None else self._most + 1):
            number += 1
            if self._most is not None and len(line) > self._most:
                raise TableError(
                    f"longer than {self._most:,} characters; is this really a table?", "too_long_line", line=number
                )
            yield line.removeprefix("\ufeff") if number == 1 else line

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
