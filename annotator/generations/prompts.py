"""Lists of prompts read from text: one per line, a column of a CSV table, or a key of JSON Lines.

Nothing is written here. What is left out without harm (empty lines, prompts that were there before) and what cannot
be used (too long, no text, no JSON) is listed apart, with its row.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext, ngettext

from annotator.core.errors import ProblemError
from annotator.core.texts import joined, prompts_text
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
        """ "120 prompts. 2 repeated prompts were left out (rows 4, 9)." """
        return joined(
            [
                f"{prompts_text(len(self.prompts))}.",
                _counted(
                    [note.row for note in self.left_out if note.code == "duplicate"],
                    lambda n: ngettext(
                        "%(n)s repeated prompt was left out (row %(rows)s).",
                        "%(n)s repeated prompts were left out (rows %(rows)s).",
                        n,
                    ),
                ),
                _counted(
                    [note.row for note in self.left_out if note.code == "empty"],
                    lambda n: ngettext(
                        "%(n)s empty row was left out (row %(rows)s).",
                        "%(n)s empty rows were left out (rows %(rows)s).",
                        n,
                    ),
                ),
                _counted(
                    [note.row for note in self.unusable],
                    lambda n: ngettext(
                        "%(n)s unusable row was left out (row %(rows)s).",
                        "%(n)s unusable rows were left out (rows %(rows)s).",
                        n,
                    ),
                ),
            ]
        )


def read_prompts(content: str | bytes, kind: str = "txt", column: str = "") -> PromptList:
    """The prompts of a text, table or JSON Lines; ``column`` names the column or key that holds them.

    Raises:
        ProblemError: If nothing of it can be used: the encoding, the header, the number of rows.
    """
    if kind not in KINDS:
        raise ProblemError(
            gettext("Prompts can be read from %(names)s, not from “%(kind)s”.")
            % {"names": ", ".join(KINDS), "kind": kind},
            code="no_format",
        )
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
            found.left_out.append(RowNote(row, "empty", gettext("it is empty.")))
        elif text in first:
            found.left_out.append(
                RowNote(row, "duplicate", gettext("the same prompt as in row %(first)s.") % {"first": first[text]})
            )
        elif len(text) > MOST_CHARACTERS:
            found.unusable.append(
                RowNote(
                    row,
                    "too_long",
                    gettext("%(n)s characters exceed the limit of %(most)s.")
                    % {"n": f"{len(text):,}", "most": f"{MOST_CHARACTERS:,}"},
                )
            )
        elif (bad := _bad_character(text)) is not None:
            found.unusable.append(RowNote(row, "bad_character", bad))
        else:
            first[text] = row
            found.prompts.append(text)
            if len(found.prompts) > MOST_PROMPTS:
                raise ProblemError(
                    gettext("There are more than %(most)s prompts. Split them into several sets.")
                    % {"most": f"{MOST_PROMPTS:,}"},
                    code="too_many",
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
    wanted = (
        gettext("There is no column “%(column)s”. The columns are %(named)s. Name one of them.")
        if column
        else gettext("Which column contains the prompts? The columns are %(named)s. Name one of them.")
    )
    raise ProblemError(
        wanted % {"column": column, "named": named},
        code="no_column",
        field="column",
    )


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
            yield (
                number,
                RowNote(number, "bad_json", gettext("this is not valid JSON (%(reason)s).") % {"reason": reason}),
            )
            continue
        yield number, _prompt_or_note(number, given, column)


def _prompt_or_note(number: int, given: Any, column: str) -> str | RowNote:
    if isinstance(given, dict):
        try:
            key = _key(given, column)
        except TableError as error:
            return RowNote(number, error.code, error.message)
        if key is None:
            name = column or USUAL[0]
            keys = ", ".join(f"“{key}”" for key in list(given)[:10]) or "none"
            return RowNote(
                number,
                "no_column",
                gettext("it has no “%(name)s”; its keys are %(keys)s.") % {"name": name, "keys": keys},
            )
        given = given[key]
    if given is None:
        return ""
    if not isinstance(given, str):
        return RowNote(number, "not_text", gettext("must be text, not %(value)s.") % {"value": json.dumps(given)[:60]})
    return given


def _key(row: dict[str, Any], column: str) -> str | None:
    """The key that holds the prompt, as a table's column would be found. TableError where two may be meant."""
    found = (column_named(name, row) for name in ([column] if column else USUAL))
    return next((key for key in found if key is not None), None)


def _bad_character(text: str) -> str | None:
    if "\0" in text:
        return gettext("it contains a NUL character. Delete it.")
    try:
        text.encode()
    except UnicodeEncodeError:
        return gettext("it contains an unpaired surrogate. Delete it.")
    return None


def _decoded(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise ProblemError(
            gettext("%(n).0f MB exceeds the limit of %(most).0f MB. Is this really a list of prompts?")
            % {"n": len(content) / 1024**2, "most": MOST_BYTES / 1024**2},
            code="too_large",
        )
    try:
        return decode(content)
    except TableError as error:
        where = f"Line {error.line}: " if error.line else ""
        raise ProblemError(_sentence(f"{where}{error.message}"), code=error.code) from error


def _counted(rows: list[int], text: Callable[[int], str]) -> str:
    """Say how many rows were left out, and the first of them; "" for none."""
    if not rows:
        return ""
    shown = ", ".join(str(row) for row in rows[:8]) + (" …" if len(rows) > 8 else "")
    return text(len(rows)) % {"n": f"{len(rows):,}", "rows": shown}
