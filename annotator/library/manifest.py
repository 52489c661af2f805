"""The manifest of an import: a CSV or JSONL file with one row an item.

Read twice as a stream: :func:`survey` goes through it once and refuses what is wrong with the file as a whole
(encoding, header, a column that is not there) before anything is imported; :func:`rows` then gives row after row,
each with its values or with what is wrong with it.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any

from annotator.core.errors import ProblemError
from annotator.library.models import MediaType
from annotator.library.sources import check_path

# Field → most characters it may have (None: its own check).
FIELDS: dict[str, int | None] = {
    "file": 500,
    "prompt": 10_000,
    "generator": 200,
    "generator_version": 100,
    "generator_parameters": None,
    "source": 300,
    "licence": 200,
    "external_id": 200,
    "media_type": 10,
}
REQUIRED = ("file", "prompt")
UNKNOWN_GENERATOR = "unknown"
MAX_ROWS = 200_000
MAX_LINE_BYTES = 1024 * 1024
MAX_EXTRA_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a manifest is to be read.

    ``manifest``: its name in the folder or ZIP, "" to look for it. ``columns``: field → the column that holds it,
    where the two names differ. ``defaults``: field → the value for rows that say nothing in it.
    """

    manifest: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (*self.columns, *self.defaults):
            if name not in FIELDS:
                raise ProblemError(
                    f"There is no field “{name}”. Fields are {', '.join(FIELDS)}.", code="unknown_field", field=name
                )
        if "file" in self.defaults:
            raise ProblemError("“file” cannot be the same for all rows; map it to a column.", code="default_file")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ImportOptions:
        return cls(**{name: data[name] for name in ("manifest", "columns", "defaults") if data.get(name)})


@dataclass(frozen=True, slots=True)
class Row:
    """One row. ``number`` counts from 1 behind the header; ``values`` by field; ``extra``: the other columns.

    ``problem`` says why the row cannot be used (its field in ``problem.details["field"]``); then values are as far
    as they could be read.
    """

    number: int
    values: dict[str, Any]
    extra: dict[str, Any]
    problem: ProblemError | None = None

    @property
    def file(self) -> str:
        return str(self.values.get("file", ""))


@dataclass(frozen=True, slots=True)
class Survey:
    """What one pass over a manifest tells: its rows, the folder that all its paths begin with, its hash."""

    rows: int
    common_folder: tuple[str, ...]
    sha256: str


def survey(path: Path, name: str, options: ImportOptions) -> Survey:
    """Read a manifest through; ProblemError where it cannot be used at all."""
    count = 0
    common: list[str] | None = None
    for row in rows(path, name, options):
        count += 1
        if count > MAX_ROWS:
            raise _problem(f"{name} has more than {MAX_ROWS:,} rows; split it into several imports.", "too_many_rows")
        folder = _folder_of(row)
        if folder is not None:
            common = folder if common is None else _shared(common, folder)
    if count == 0:
        raise _problem(f"{name} has no rows; add one row for each image or video.", "no_rows")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Survey(count, tuple(common or ()), digest)


def _folder_of(row: Row) -> list[str] | None:
    try:
        return check_path(row.file).split("/")[:-1]
    except ProblemError:
        return None  # the row will be refused; it says nothing about the others


def _shared(one: list[str], other: list[str]) -> list[str]:
    return [mine for mine, _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))]


def rows(path: Path, name: str, options: ImportOptions) -> Iterator[Row]:
    """The rows of a manifest called ``name`` that lies at ``path``. Blank lines are passed over, but counted."""
    suffix = Path(name).suffix.lower()
    if suffix in (".jsonl", ".ndjson"):
        return _jsonl_rows(path, name, options)
    if suffix in (".csv", ".tsv", ".txt"):
        return _csv_rows(path, name, options)
    raise _problem(
        f"{name}: a manifest is a CSV file (.csv) or a JSON Lines file (.jsonl); save it as one of these.",
        "unknown_manifest_type",
    )


# --- CSV ------------------------------------------------------------------------------------------


def _csv_rows(path: Path, name: str, options: ImportOptions) -> Iterator[Row]:
    lines = _lines(path, name)
    first = next(lines, "")
    if not first.strip():
        raise _problem(f"{name}: the first line is empty; it must name the columns.", "no_header")
    reader = csv.reader(_chain(first, lines), delimiter=_delimiter(first), strict=True)
    try:
        header = [cell.strip() for cell in next(reader)]
        field_of = _fields_of(header, name, options)
        for number, cells in enumerate(reader, 1):
            if any(cell.strip() for cell in cells):
                yield _csv_row(number, cells, header, field_of, name, options)
    except csv.Error as error:
        raise _problem(
            f"{name}, line {reader.line_num}: {error}. Most often a quotation mark is not closed; "
            'inside a quoted cell it is written twice ("").',
            "bad_csv",
            row=max(reader.line_num - 1, 0),
        ) from error


def _csv_row(
    number: int, cells: list[str], header: list[str], field_of: dict[str, str], name: str, options: ImportOptions
) -> Row:
    given = dict(zip(header, (cell.strip() for cell in cells), strict=False))
    row = _row(number, {key: value for key, value in given.items() if value != ""}, field_of, name, options)
    if len(cells) != len(header):
        problem = _problem(
            f"{name}, row {number}: {len(cells)} cells, but the header has {len(header)} columns. A cell with a comma "
            "or a line break in it must stand in quotation marks.",
            "wrong_cell_count",
            row=number,
        )
        return Row(number, row.values, row.extra, problem)
    return row


def _fields_of(header: list[str], name: str, options: ImportOptions) -> dict[str, str]:
    """Column → field, with everything that can be wrong with a header."""
    seen: set[str] = set()
    for position, column in enumerate(header, 1):
        if not column:
            raise _problem(f"{name}: column {position} of the header has no name; name or delete it.", "unnamed_column")
        if column in seen:
            raise _problem(
                f"{name}: the header has the column “{column}” twice; rename or delete one.",
                "duplicate_column",
                field=column,
            )
        seen.add(column)
    columns = _columns(options)
    for name_of_field, column in columns.items():
        if column in seen:
            continue
        if name_of_field in options.columns or (name_of_field in REQUIRED and name_of_field not in options.defaults):
            raise _problem(
                f"{name} has no column “{column}” for the field “{name_of_field}”. Its columns are "
                f"{', '.join(f'“{c}”' for c in header)}; rename one, or map the field to it.",
                "missing_column",
                field=name_of_field,
            )
    return {column: name_of_field for name_of_field, column in columns.items() if column in seen}


def _columns(options: ImportOptions) -> dict[str, str]:
    """Field → column; a column that is mapped to one field serves no second one by its name."""
    mapped = set(options.columns.values())
    return {name: options.columns.get(name, name) for name in FIELDS if name in options.columns or name not in mapped}


def _delimiter(header: str) -> str:
    """Comma, or what spreadsheets elsewhere write: semicolon or tab; whichever parts the header most often."""
    outside = "".join(header.split('"')[::2])
    return max(",;\t", key=outside.count)


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


# --- JSON Lines -----------------------------------------------------------------------------------


def _jsonl_rows(path: Path, name: str, options: ImportOptions) -> Iterator[Row]:
    field_of = {column: name_of_field for name_of_field, column in _columns(options).items()}
    for number, line in enumerate(_lines(path, name), 1):
        if not line.strip():
            continue
        try:
            given = json.loads(line, object_pairs_hook=_once, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            problem = _problem(f"{name}, row {number}: this is not valid JSON ({reason}).", "bad_json", row=number)
            yield Row(number, {}, {}, problem)
            continue
        if not isinstance(given, dict):
            problem = _problem(
                f'{name}, row {number}: one JSON object is needed on each line, such as {{"file": …, "prompt": …}}.',
                "bad_json",
                row=number,
            )
            yield Row(number, {}, {}, problem)
            continue
        present = {key: value for key, value in given.items() if value is not None and value != ""}
        yield _row(number, present, field_of, name, options)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    for (one, _), (next_one, _) in pairwise(sorted(pairs, key=lambda pair: pair[0])):
        if one == next_one:
            raise ValueError(f"the key “{one}” is there twice")
    return dict(pairs)


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON number")


# --- One row --------------------------------------------------------------------------------------


class _Bad(Exception):  # noqa: N818 - a note on the way to a Row
    def __init__(self, field: str, code: str, words: str) -> None:
        self.field, self.code, self.words = field, code, words


def _row(number: int, given: dict[str, Any], field_of: dict[str, str], name: str, options: ImportOptions) -> Row:
    values: dict[str, Any] = {k: v.strip() for k, v in options.defaults.items()}
    extra: dict[str, Any] = {}
    bad: _Bad | None = None
    for column, value in given.items():
        name_of_field = field_of.get(column)
        try:
            _check_characters(column if name_of_field is None else name_of_field, [column, value])
            if name_of_field is None:
                extra[column] = value
            elif name_of_field == "generator_parameters":
                values[name_of_field] = value
            else:
                values[name_of_field] = _text(name_of_field, value)
        except _Bad as error:
            bad = bad or error
    try:
        if bad is not None:
            raise bad
        _finish(values, extra)
    except _Bad as error:
        where = f"{name}, row {number}"
        problem = _problem(f"{where}, {error.field}: {error.words}", error.code, row=number, field=error.field)
        return Row(number, values, extra, problem)
    return Row(number, values, extra)


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _Bad(name, "not_text", f"text is needed, not {json.dumps(value)[:60]}.")
    return str(value).strip()


def _finish(values: dict[str, Any], extra: dict[str, Any]) -> None:
    """Check the fields of one row and fill in what has a default."""
    for name in REQUIRED:
        if not values.get(name):
            raise _Bad(name, f"missing_{name}", "this is empty, but every row needs it.")
    for name, most in FIELDS.items():
        if most is not None and len(values.get(name, "")) > most:
            raise _Bad(name, "too_long_text", f"{len(values[name]):,} characters are over the limit of {most:,}.")
    values.setdefault("generator", UNKNOWN_GENERATOR)
    values["generator_parameters"] = _parameters(values.get("generator_parameters"))
    if "media_type" in values:
        values["media_type"] = values["media_type"].lower()
        if values["media_type"] not in MediaType.values:
            raise _Bad("media_type", "unknown_media_type", f"“{values['media_type']}” is neither image nor video.")
    if len(json.dumps(extra)) > MAX_EXTRA_CHARACTERS:
        raise _Bad("extra", "too_long_text", f"the further columns hold more than {MAX_EXTRA_CHARACTERS:,} characters.")


def _parameters(value: Any) -> dict[str, Any]:
    name = "generator_parameters"
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        try:
            value = json.loads(value, object_pairs_hook=_once, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise _Bad(name, "bad_json", f'a JSON object is needed, such as {{"steps": 30}} ({error}).') from error
        _check_characters(name, [value])
    if not isinstance(value, dict):
        raise _Bad(name, "bad_json", f'a JSON object is needed, such as {{"steps": 30}}, not {json.dumps(value)[:60]}.')
    return value


def _check_characters(name: str, value: Any) -> None:
    """Refuse what a JSON text may say but no database keeps: NUL, half surrogates, infinite numbers."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()
    except (ValueError, RecursionError) as error:
        raise _Bad(name, "bad_character", f"a character or number cannot be kept ({error}).") from error
    if "\\u0000" in text and _has_nul(value):
        raise _Bad(name, "bad_character", "there is a NUL character in it; delete it.")


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(_has_nul(part) for part in value)


# --- Text -----------------------------------------------------------------------------------------


def _lines(path: Path, name: str) -> Iterator[str]:
    """The lines of a UTF-8 file, line ends kept, a byte order mark taken off."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                raise _problem(
                    f"{name}, line {number}: longer than {MAX_LINE_BYTES:,} bytes; is this really a manifest?",
                    "too_long_line",
                    row=number,
                )
            if number == 1:
                if line.startswith((b"\xff\xfe", b"\xfe\xff")):
                    raise _problem(f"{name} is UTF-16 text; save it as UTF-8.", "bad_encoding")
                line = line.removeprefix(b"\xef\xbb\xbf")
            try:
                yield line.decode()
            except UnicodeDecodeError as error:
                raise _problem(
                    f"{name}, line {number}: byte {error.start + 1} is not UTF-8 text; save the file with the "
                    "encoding UTF-8 (in a spreadsheet: “CSV UTF-8”).",
                    "bad_encoding",
                    row=max(number - 1, 0),
                ) from error


def _problem(message: str, code: str, **details: object) -> ProblemError:
    return ProblemError(message, code=code, **details)
