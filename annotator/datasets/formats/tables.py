"""Flat tables as CSV, Parquet and JSONL."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from annotator.core.parquet_stream import parquet_pieces
from annotator.datasets.formats.flat import Source


def parquet(source: Source) -> Iterator[bytes]:
    """Stream a flat table as Parquet."""
    return parquet_pieces(source.schema(), source.flat())


def csv(source: Source) -> Iterator[bytes]:
    """Stream a flat table as CSV.

    For spreadsheets, it begins with a byte order mark, and text that would run as a formula gets a leading ``'``.
    """
    yield b"\xef\xbb\xbf" + _csv(source.schema().empty_table(), header=True)
    for table in source.flat():
        yield _csv(table, header=False)


def _csv(table: pa.Table, *, header: bool) -> bytes:
    harmless = [
        pc.replace_substring_regex(column, r"^([=+\-@\t\r])", r"'\1") if pa.types.is_string(column.type) else column
        for column in table.columns
    ]
    text = io.BytesIO()
    pa.csv.write_csv(pa.table(harmless, names=table.column_names), text, pa.csv.WriteOptions(include_header=header))
    return text.getvalue()


def jsonl(source: Source) -> Iterator[bytes]:
    """Stream a flat table as lines of JSON."""
    for table in source.flat():
        yield lines(table.to_pylist())


def lines(rows: list[dict[str, object]]) -> bytes:
    """Write rows as lines of JSON."""
    return "".join(json.dumps(row, ensure_ascii=False, default=_time) + "\n" for row in rows).encode()


def _time(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a dataset")
