"""Lists of prompts read from text: one a line, a column of a CSV table, or a key of JSON Lines.

Nothing is written here. What is left out without harm (empty lines, prompts that were there before) and what cannot
be used (too long, no text, no JSON) is told apart, each with its row.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from annotator.core.errors import ProblemError
from reward_engine.tables import Delimited, TableError, column_named, decode

# Text encoders read 77 to 512 tokens; what is longer than this is a document in the wrong place.
MOST_CHARACTERS = 2000
MOST_PROMPTS = 50_000
MOST_BYTES = 20 * 1024 * 1024
SUFFIXES = {".txt": "txt", ".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
KINDS = ("txt", "csv", "jsonl")
# Columns that are looked for where none is named.
USUAL = ("prompt", "text", "caption", "prompts")


@dataclass(frozen=True)
class RowNote:
    """Why a row gives no prompt. ``row`` counts lines from 1; of a table, from 1 behind the header."""

    row: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"Row {self.row}: {self.message}"


@dataclass
class PromptList:
    """``prompts`` in order, each once. ``left_out``: empty rows and repetitions. ``unusable``: rows to be mended."""

    prompts: list[str] = field(default_factory=list)
    left_out: list[RowNote] = field(default_factory=list)
    unusable: list[RowNote] = field(default_factory=list)

    def in_words(self) -> str:
        """ "120 prompts. Left out: 2 repeated (rows 4, 9), 1 empty (row 7)." """
        words = f"{len(self.prompts):,} prompt{'' if len(self.prompts) == 1 else 's'}."
        parts = [
            _counted(self.left_out, "duplicate", "repeated"),
            _counted(self.left_out, "empty", "empty"),
            _counted(self.unusable, None, "unusable"),
        ]
        told = ", ".join(part for part in parts if part)
        return f"{words} Left out: {told}." if told else words


def read_prompts(content: str | bytes, kind: str = "txt", column: str = "") -> PromptList:
    """The prompts of a text, table or JSON Lines; ``column`` names the column or key that holds them.

    Raises ProblemError where nothing of it can be used: the encoding, the header, the number of rows.
    """
    if kind not in KINDS:
        raise ProblemError(f"Prompts are read from {', '.join(KINDS)}, not from “{kind}”.", code="no_format")
    text = _decoded(content) if isinstance(content, bytes) else content
    rows = {"txt": _lines, "csv": _cells, "jsonl": _objects}[kind](text, column.strip())
    return _sorted_out(rows)


def from_texts(texts: list[str]) -> PromptList:
    """The same checks for texts that are a list already."""
    return _sorted_out(enumerate(texts, 1))


Rows = Iterator[tuple[int, "str | RowNote"]]


def _sorted_out(rows: Any) -> PromptList:
    found = PromptList()
    first: dict[str, int] = {}
    for row, value in rows:
        if isinstance(value, RowNote):
            found.unusable.append(value)
            continue
        text = value.strip()
        if not text:
            found.left_out.append(RowNote(row, "empty", "there is nothing in it."))
        elif text in first:
            found.left_out.append(RowNote(row, "duplicate", f"the same prompt as in row {first[text]}."))
        elif len(text) > MOST_CHARACTERS:
            found.unusable.append(
                RowNote(row, "too_long", f"{len(text):,} characters are over the limit of {MOST_CHARACTERS:,}.")
            )
        elif (bad := _bad_character(text)) is not None:
            found.unusable.append(RowNote(row, "bad_character", bad))
        else:
            first[text] = row
            found.prompts.append(text)
            if len(found.prompts) > MOST_PROMPTS:
                raise ProblemError(
                    f"There are more than {MOST_PROMPTS:,} prompts; split them into several sets.", code="too_many"
                )
    return found


def _lines(text: str, _column: str) -> Rows:
    # Only what ends lines everywhere; a prompt may hold other separators.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()  # the end of the last line is no empty one
    yield from enumerate(lines, 1)


def _cells(text: str, column: str) -> Rows:
    try:
        table = Delimited(io.StringIO(text, newline=""))
        place = _place(table.header, column)
        last = 0
        for row in table:
            yield from ((blank, "") for blank in range(last + 1, row.number))
            last = row.number
            yield row.number, RowNote(row.number, row.code, row.problem) if row.problem else row.values[place]
    except TableError as error:
        where = f"Line {error.line}: " if error.line else ""
        raise ProblemError(_sentence(f"{where}{error.message}"), code=error.code) from error


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _place(header: list[str], column: str) -> str:
    """The column that holds the prompts."""
    if not column and len(header) == 1:
        return header[0]
    for name in [column] if column else USUAL:
        if (found := column_named(name, header)) is not None:
            return found
    named = ", ".join(f"“{name}”" for name in header)
    wanted = f"There is no column “{column}”." if column else "Which column holds the prompts?"
    raise ProblemError(f"{wanted} The columns are {named}; name one of them.", code="no_column", field="column")


def _objects(text: str, column: str) -> Rows:
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            yield number, ""
            continue
        try:
            given = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            yield number, RowNote(number, "bad_json", f"this is not valid JSON ({reason}).")
            continue
        yield number, _told(number, given, column)


def _told(number: int, given: Any, column: str) -> str | RowNote:
    if isinstance(given, dict):
        name = column or next((name for name in USUAL if name in given), USUAL[0])
        if name not in given:
            keys = ", ".join(f"“{key}”" for key in list(given)[:10]) or "none"
            return RowNote(number, "no_column", f"it has no “{name}”; its keys are {keys}.")
        given = given[name]
    if given is None:
        return ""
    if not isinstance(given, str):
        return RowNote(number, "not_text", f"text is needed, not {json.dumps(given)[:60]}.")
    return given


def _bad_character(text: str) -> str | None:
    if "\0" in text:
        return "there is a NUL character in it; delete it."
    try:
        text.encode()
    except UnicodeEncodeError:
        return "half of a character (a lone surrogate) is in it; delete it."
    return None


def _decoded(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise ProblemError(
            f"{len(content) / 1024**2:.0f} MB are over the limit of {MOST_BYTES / 1024**2:.0f} MB; is this really a "
            "list of prompts?",
            code="too_large",
        )
    try:
        return decode(content)
    except TableError as error:
        where = f"Line {error.line}: " if error.line else ""
        raise ProblemError(_sentence(f"{where}{error.message}"), code=error.code) from error


def _counted(notes: list[RowNote], code: str | None, word: str) -> str:
    rows = [note.row for note in notes if code in (None, note.code)]
    if not rows:
        return ""
    shown = ", ".join(str(row) for row in rows[:8]) + (" …" if len(rows) > 8 else "")
    return f"{len(rows):,} {word} (row{'' if len(rows) == 1 else 's'} {shown})"
