"""A table written as JSONL and Parquet at once, and what a finished file is recorded with."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from annotator.datasets.rows import Chunk, Row
from reward_engine.storage import file_sha256


class TableFiles:
    """``<stem>.jsonl`` and ``<stem>.parquet`` in a folder; each chunk of rows becomes a row group."""

    def __init__(self, folder: Path, stem: str, schema: pa.Schema) -> None:
        self.paths = (folder / f"{stem}.jsonl", folder / f"{stem}.parquet")
        self.rows = 0
        self._schema = schema
        self._lines = self.paths[0].open("w", encoding="utf-8", newline="\n")
        self._parquet = pq.ParquetWriter(self.paths[1], schema, compression="zstd")

    def write_chunk(self, chunk: Chunk) -> None:
        """Write rows that are there in both forms."""
        self._lines.writelines(chunk.lines)
        self._parquet.write_table(chunk.table)
        self.rows += len(chunk.lines)

    def write(self, rows: list[Row]) -> None:
        self._lines.writelines(json.dumps(row, ensure_ascii=False, default=_plain) + "\n" for row in rows)
        self._parquet.write_table(pa.Table.from_pylist(rows, self._schema))
        self.rows += len(rows)

    def __enter__(self) -> TableFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()
        self._parquet.close()


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a dataset")


def describe(path: Path, rows: int | None = None) -> dict[str, Any]:
    """How a file is recorded. It is on the disk for good when this returns."""
    digest = file_sha256(path)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    path.chmod(0o444)
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest, "rows": rows}
