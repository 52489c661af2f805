"""The manifest of an import: a CSV or JSONL file with one row per item.

Read twice as a stream: :func:`survey` goes through it once and refuses what is wrong with the file as a whole
(encoding, header, a column that is not there) before anything is imported; :func:`rows` then gives row after row,
each with its values or with what is wrong with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

from django.utils.translation import gettext

from annotator.core.errors import ProblemError
from annotator.library.models import MediaType
from annotator.library.sources import check_path
from reward_engine.storage import file_sha256
from reward_engine.tables import (
    Delimited,
    TableError,
    TableRow,
    TextLines,
    column_named,
    encoding_of,
    is_certain,
    name_of,
    objects,
    plain,
)
from reward_engine.tables.objects import strict

# Field → most characters it may have (None: its own check).
FIELDS: dict[str, int | None] = {
    "file": 500,
    "prompt": 10_000,
    "generator": 200,
    "generator_version": 100,
    "generator_parameters": None,
    "source": 300,
    "license": 200,
    "external_id": 200,
    "media_type": 10,
}
REQUIRED = ("file", "prompt")
UNKNOWN_GENERATOR = "unknown"
MAX_ROWS = 200_000
MAX_LINE_CHARACTERS = 1024 * 1024
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
                    gettext("There is no field “%(name)s”. The fields are %(names)s.")
                    % {"name": name, "names": ", ".join(FIELDS)},
                    code="unknown_field",
                    field=name,
                )
        if "file" in self.defaults:
            raise ProblemError(
                gettext("“file” cannot be the same for all rows. Map it to a column."), code="default_file"
            )

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
    """What one pass over a manifest tells: its rows, the folder that all its paths begin with, its hash.

    ``guessed_encoding``: what people call the encoding, where the file does not say it; else "".
    """

    rows: int
    common_folder: tuple[str, ...]
    sha256: str
    guessed_encoding: str = ""


def survey(path: Path, name: str, options: ImportOptions) -> Survey:
    """Read a manifest through; ProblemError where it cannot be used at all."""
    count = 0
    common: list[str] | None = None
    for row in rows(path, name, options):
        count += 1
        if count > MAX_ROWS:
            raise ProblemError(
                gettext("%(name)s has more than %(most)s rows. Split it into several imports.")
                % {"name": name, "most": f"{MAX_ROWS:,}"},
                code="too_many_rows",
            )
        folder = _folder_of(row)
        if folder is not None:
            common = folder if common is None else _shared(common, folder)
    if count == 0:
        raise ProblemError(
            gettext("%(name)s has no rows. Add one row for each image or video.") % {"name": name}, code="no_rows"
        )
    digest = file_sha256(path)
    encoding = encoding_of(path)
    return Survey(count, tuple(common or ()), digest, "" if is_certain(encoding) else name_of(encoding))


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
        return _table_rows(path, name, options, "jsonl")
    if suffix in (".csv", ".tsv", ".txt"):
        return _table_rows(path, name, options, "csv")
    raise ProblemError(
        gettext("%(name)s: a manifest is a CSV file (.csv) or a JSON Lines file (.jsonl). Save it as one of these.")
        % {"name": name},
        code="unknown_manifest_type",
    )


# --- The table ------------------------------------------------------------------------------------


def _table_rows(path: Path, name: str, options: ImportOptions, kind: str) -> Iterator[Row]:
    """The rows as the reader of tables gives them, their columns told as fields."""
    try:
        with TextLines(path, MAX_LINE_CHARACTERS) as lines:
            if kind == "jsonl":
                columns = _columns(options)
                for found in objects(lines):
                    yield _checked(found, _fields_of(found.values, columns), name, options)
                return
            table = Delimited(lines)
            field_of = _fields_of_header(table.header, name, options)
            for found in table:
                yield _checked(found, field_of, name, options)
    except TableError as error:
        row: dict[str, Any] = {} if error.line is None else {"row": max(error.line - (kind == "csv"), 0)}
        raise ProblemError(
            f"{name}{error.where}: {error.message}", code=error.code, field=error.column or "", **row
        ) from error


def _checked(found: TableRow, field_of: dict[str, str], name: str, options: ImportOptions) -> Row:
    given = {column: value for column, value in found.values.items() if value is not None and value != ""}
    row = _row(found.number, given, field_of, name, options)
    if not found.problem:
        return row
    problem = ProblemError(
        gettext("%(name)s, row %(number)s: %(problem)s")
        % {"name": name, "number": found.number, "problem": found.problem},
        code=found.code,
        row=found.number,
    )
    return Row(found.number, row.values if found.code == "wrong_cell_count" else {}, row.extra, problem)


def _fields_of_header(header: list[str], name: str, options: ImportOptions) -> dict[str, str]:
    """Column → field; ProblemError where one that is needed is not there."""
    columns = _columns(options)
    field_of = _fields_of(header, columns)
    for name_of_field, column in columns.items():
        if name_of_field in field_of.values():
            continue
        if name_of_field in options.columns or (name_of_field in REQUIRED and name_of_field not in options.defaults):
            raise ProblemError(
                gettext(
                    "%(name)s has no column “%(column)s” for the field “%(name_of_field)s”. Its columns are "
                    "%(names)s. Rename one, or map the field to it."
                )
                % {
                    "name": name,
                    "column": column,
                    "name_of_field": name_of_field,
                    "names": ", ".join(f"“{c}”" for c in header),
                },
                code="missing_column",
                field=name_of_field,
            )
    return field_of


def _fields_of(header: Iterable[str], columns: dict[str, str]) -> dict[str, str]:
    header = list(header)
    found = {column_named(column, header): name_of_field for name_of_field, column in columns.items()}
    return {column: name_of_field for column, name_of_field in found.items() if column is not None}


def _columns(options: ImportOptions) -> dict[str, str]:
    """Field → column; a column that is mapped to one field serves no second one by its name."""
    mapped = {plain(column) for column in options.columns.values()}
    return {name: options.columns.get(name, name) for name in FIELDS if name in options.columns or name not in mapped}


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
        problem = ProblemError(f"{where}, {error.field}: {error.words}", code=error.code, row=number, field=error.field)
        return Row(number, values, extra, problem)
    return Row(number, values, extra)


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _Bad(name, "not_text", gettext("must be text, not %(value)s.") % {"value": json.dumps(value)[:60]})
    return str(value).strip()


def _finish(values: dict[str, Any], extra: dict[str, Any]) -> None:
    """Check the fields of one row and fill in what has a default."""
    for name in REQUIRED:
        if not values.get(name):
            raise _Bad(name, f"missing_{name}", gettext("this is empty, but every row needs it."))
    for name, most in FIELDS.items():
        if most is not None and len(values.get(name, "")) > most:
            raise _Bad(
                name,
                "too_long_text",
                gettext("%(n)s characters exceed the limit of %(most)s.")
                % {"n": f"{len(values[name]):,}", "most": f"{most:,}"},
            )
    values.setdefault("generator", UNKNOWN_GENERATOR)
    values["generator_parameters"] = _parameters(values.get("generator_parameters"))
    if "media_type" in values:
        values["media_type"] = values["media_type"].lower()
        if values["media_type"] not in MediaType.values:
            raise _Bad(
                "media_type",
                "unknown_media_type",
                gettext("“%(values)s” is neither image nor video.") % {"values": values["media_type"]},
            )
    if len(json.dumps(extra)) > MAX_EXTRA_CHARACTERS:
        raise _Bad(
            "extra",
            "too_long_text",
            gettext("the other columns contain more than %(most)s characters.") % {"most": f"{MAX_EXTRA_CHARACTERS:,}"},
        )


def _parameters(value: Any) -> dict[str, Any]:
    name = "generator_parameters"
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        try:
            value = strict(value)
        except (ValueError, RecursionError) as error:
            raise _Bad(
                name,
                "bad_json",
                gettext('must be a JSON object, such as {"steps": 30} (%(error)s).') % {"error": error},
            ) from error
        _check_characters(name, [value])
    if not isinstance(value, dict):
        raise _Bad(
            name,
            "bad_json",
            gettext('must be a JSON object, such as {"steps": 30}, not %(value)s.') % {"value": json.dumps(value)[:60]},
        )
    return value


def _check_characters(name: str, value: Any) -> None:
    """Refuse what a JSON text may say but no database keeps: NUL, half surrogates, infinite numbers."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()
    except (ValueError, RecursionError) as error:
        raise _Bad(
            name, "bad_character", gettext("a character or number cannot be stored (%(error)s).") % {"error": error}
        ) from error
    if "\\u0000" in text and _has_nul(value):
        raise _Bad(name, "bad_character", gettext("it contains a NUL character. Delete it."))


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(_has_nul(part) for part in value)
