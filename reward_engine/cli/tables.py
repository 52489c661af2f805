"""Tables on disk: CSV, JSON lines or Parquet, told by the ending."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from reward_engine.errors import DataError
from reward_engine.storage import temporary
from reward_engine.tables import Delimited, TableError, TextLines, is_certain, name_of, objects, plain

Row: TypeAlias = dict[str, Any]

ENDINGS = (".csv", ".jsonl", ".parquet")
READ = (*ENDINGS, ".tsv", ".ndjson")


def read(path: Path) -> tuple[list[Row], dict[str, Any]]:
    """Read the rows of a table, and what the file says about itself.

    Only Parquet says something about itself.

    Raises:
        DataError: Naming file and line.
    """
    if not path.exists():
        raise DataError(f"{path}: there is no such file.", code="missing")
    check_ending(path, READ)
    try:
        if path.suffix.lower() == ".parquet":
            table = pq.read_table(path)
            about = {
                key.decode(): json.loads(value)
                for key, value in (table.schema.metadata or {}).items()
                if key.startswith(b"reward_engine.")
            }
            return table.to_pylist(), {key.removeprefix("reward_engine."): value for key, value in about.items()}
        return list(_text_rows(path)), {}
    except TableError as error:
        raise DataError(f"{path.name}{error.where}: {error.message}", code=error.code) from error
    except (OSError, pa.ArrowException, ValueError) as error:
        raise DataError(f"{path.name}: it cannot be read ({error}).", code="unreadable") from error


def _text_rows(path: Path) -> Iterator[Row]:
    """The rows of a text; the first that cannot be used ends it, since nothing may be missing from a measure.

    A column may be asked for in small letters too, however the file writes it.
    """
    with TextLines(path) as lines:
        if not is_certain(lines.encoding):
            print(f"{path.name} is not UTF-8; read as {name_of(lines.encoding)}.", file=sys.stderr)
        by_line = path.suffix.lower() in (".jsonl", ".ndjson")
        for row in objects(lines) if by_line else Delimited(lines):
            if row.problem:
                where = f"{'line' if by_line else 'row'} {row.number}"
                raise DataError(f"{path.name}, {where}: {row.problem}", code=row.code)
            yield {plain(column): value for column, value in row.values.items()} | row.values


def write(path: Path, rows: Sequence[Row], about: Mapping[str, Any] | None = None) -> None:
    """Write rows of the same keys, all or nothing."""
    check_ending(path)
    with temporary(path) as beside:
        _write(path, beside, rows, about or {})


def _write(path: Path, beside: Path, rows: Sequence[Row], about: Mapping[str, Any]) -> None:
    if path.suffix.lower() == ".parquet":
        table = pa.Table.from_pylist(list(rows))
        said = {f"reward_engine.{key}": json.dumps(value) for key, value in about.items()}
        pq.write_table(table.replace_schema_metadata(said), beside)
    elif path.suffix.lower() == ".csv":
        with beside.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else [])
            writer.writeheader()
            writer.writerows(rows)
    else:
        text = "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)
        beside.write_text(text, encoding="utf-8")


def check_ending(path: Path, endings: Sequence[str] = ENDINGS) -> None:
    """Check that a table can be written to a file of this name."""
    if path.suffix.lower() not in endings:
        raise DataError(f"{path.name}: the ending must be one of {', '.join(endings)}.", code="ending")
