"""Files of a benchmark as published: tables, and media that are named by their end or held within a table."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from reward_engine.errors import DataError
from reward_engine.evaluation.benchmarks.base import Row


def first_of(folder: Path, names: Sequence[str]) -> Path:
    """Find the first of these files that is there.

    Raises:
        DataError: None is.
    """
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise DataError(f"{' or '.join(names)} is missing.", code="missing")


def read_csv(path: Path) -> list[dict[str, str]]:
    """Read the rows of a comma-separated file with a header."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        DataError: It is none.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path.name}: it is not valid JSON ({error}).", code="layout") from error


def read_rankings(
    path: Path, find: Callable[[str], Path], *, files: str, ranks: str, id: str | None = None
) -> tuple[Row, ...]:
    """Read a JSON list with a prompt, its files and their ranks per entry.

    Args:
        path: The list.
        find: Where a file lies, by its name.
        files: The key of an entry's files.
        ranks: The key of their ranks.
        id: The key of an entry's id; None, or where an entry has none: its number.

    Raises:
        DataError: Naming the entry that does not fit.
    """
    entries, rows = read_json(path), []
    if not isinstance(entries, list):
        raise DataError(f"{path.name}: it is not a list.", code="layout")
    for number, entry in enumerate(entries, 1):
        try:
            group = str(number if id is None else entry.get(id, number))
            rows += [
                Row(str(name), find(str(name)), entry["prompt"], group, {"rank": float(rank)})
                for name, rank in zip(entry[files], entry[ranks], strict=True)
            ]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{path.name}, entry {number}: it is not as published ({error!r}).", code="layout"
            ) from error
    return tuple(rows)


def read_json_lines(path: Path) -> list[Any]:
    """Read one JSON value per line, without empty lines.

    Raises:
        DataError: Naming the line that is none.
    """
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            found.append(json.loads(line))
        except ValueError as error:
            raise DataError(f"{path.name}, line {number}: it is not valid JSON ({error}).", code="layout") from error
    return found


def parquet_rows(folder: Path, columns: Sequence[str], prefer: str = "") -> Iterator[dict[str, Any]]:
    """Read the Parquet files below the folder that have these columns.

    Where some of them begin with ``prefer``, only those.

    Raises:
        DataError: There is none, or one cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = []
    for path in sorted(folder.rglob("*.parquet")):
        try:
            if set(columns) <= set(pq.read_schema(path).names):
                found.append(path)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path.name}: it cannot be read ({error}).", code="unreadable") from error
    if not found:
        raise DataError(f"A .parquet file with the columns {', '.join(columns)} is missing.", code="missing")
    preferred = [path for path in found if prefer and path.name.startswith(prefer)]
    for path in preferred or found:
        for batch in pq.ParquetFile(path).iter_batches(batch_size=64):
            yield from batch.to_pylist()


class MediaFolder:
    """Finds media as a table names them.

    They lie at that place below the folder, or anywhere below it under the same file name.
    """

    def __init__(self, folder: Path, inside: Sequence[str] = ()) -> None:
        self._folder, self._inside, self._root = folder, inside, folder.resolve()
        self._by_name: dict[str, Path] | None = None

    def __call__(self, name: str) -> Path:
        """The file, or where it should be."""
        given = name.split("?")[0]
        plain = given if "://" not in given else given.rsplit("/", 1)[1]
        for part in ("", *self._inside):
            path = self._folder / part / plain
            if path.is_file() and path.resolve().is_relative_to(self._root):
                return path
        if self._by_name is None:
            walked = os.walk(self._folder)
            self._by_name = {name: Path(at) / name for at, _, names in walked for name in sorted(names)}
        return self._by_name.get(Path(plain).name, self._folder / (self._inside[0] if self._inside else "") / plain)
