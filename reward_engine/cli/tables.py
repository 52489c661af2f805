"""Tables on disk: CSV, JSON lines or Parquet, told by the ending."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from reward_engine.errors import DataError

Row: TypeAlias = dict[str, Any]

ENDINGS = (".csv", ".jsonl", ".parquet")


def read(path: Path) -> tuple[list[Row], dict[str, Any]]:
    """(rows, what the file says about itself; only Parquet can). Raises DataError naming file and line."""
    if not path.exists():
        raise DataError(f"{path}: there is no such file.", code="missing")
    check_ending(path)
    try:
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            about = {
                key.decode(): json.loads(value)
                for key, value in (table.schema.metadata or {}).items()
                if key.startswith(b"reward_engine.")
            }
            return table.to_pylist(), {key.removeprefix("reward_engine."): value for key, value in about.items()}
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix == ".csv":
                return list(csv.DictReader(file)), {}
            return [_json(path, number, line) for number, line in enumerate(file, 1) if line.strip()], {}
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException, ValueError) as error:
        raise DataError(f"{path.name}: it cannot be read ({error}).", code="unreadable") from error


def _json(path: Path, number: int, line: str) -> Row:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise DataError(f"{path.name}, line {number}: this is not JSON ({error}).", code="unreadable") from error
    if not isinstance(found, dict):
        raise DataError(f"{path.name}, line {number}: an object is expected.", code="unreadable")
    return found


def write(path: Path, rows: Sequence[Row], about: Mapping[str, Any] | None = None) -> None:
    """Write rows of the same keys; beside the target first, so that a reader finds all or what was there before."""
    check_ending(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    if path.suffix == ".parquet":
        table = pa.Table.from_pylist(list(rows))
        said = {f"reward_engine.{key}": json.dumps(value) for key, value in (about or {}).items()}
        pq.write_table(table.replace_schema_metadata(said), beside)
    elif path.suffix == ".csv":
        with beside.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else [])
            writer.writeheader()
            writer.writerows(rows)
    else:
        text = "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)
        beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def check_ending(path: Path) -> None:
    if path.suffix not in ENDINGS:
        raise DataError(f"{path.name}: the ending must be one of {', '.join(ENDINGS)}.", code="ending")
