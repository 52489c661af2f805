"""Numbers and tables straight from PostgreSQL's COPY: millions of rows without a Python object for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from django.contrib.postgres.fields import ArrayField
from django.db.models import Func, IntegerField, QuerySet, TextField, Value
from django.db.models.functions import Cast
from numpy.typing import NDArray

from annotator.core.replica import reading_connection

if TYPE_CHECKING:
    import pyarrow as pa

_HEADER, _TRAILER = 19, 2
"""Bytes before the first row of a binary COPY, and after the last one."""
_BLOCK = 1 << 28
"""Bytes of CSV that are parsed at once; no row may be longer."""


def copied(rows: QuerySet[Any, Any], kinds: Sequence[str]) -> NDArray[np.void]:
    """Read columns of numbers, none of them null, as an array with the fields ``f0``, ``f1`` … in native order.

    Args:
        rows: With ``values_list``.
        kinds: NumPy's names of the columns' types, such as ``i8`` for bigint.

    Raises:
        ValueError: If a column is null or of another size.
    """
    # Each value comes after its length, each row after the number of its values: all rows are equally long.
    layout = np.dtype([("n", ">i2")] + [part for i, kind in enumerate(kinds) for part in
                                        ((f"size{i}", ">i4"), (f"f{i}", f">{kind}"))])  # fmt: skip
    data = _copy(rows, "BINARY")
    body = len(data) - _HEADER - _TRAILER
    if body % layout.itemsize:
        raise ValueError("A column is null, or not of the type that was named.")
    found = np.frombuffer(data, dtype=layout, count=body // layout.itemsize, offset=_HEADER)
    if not (found["n"] == len(kinds)).all() or any(
        not (found[f"size{i}"] == layout[f"f{i}"].itemsize).all() for i in range(len(kinds))
    ):
        raise ValueError("A column is null, or not of the type that was named.")
    native = np.empty(len(found), dtype=[(f"f{i}", kind) for i, kind in enumerate(kinds)])
    for i in range(len(kinds)):
        native[f"f{i}"] = found[f"f{i}"]
    return native


def copied_table(rows: QuerySet[Any, Any], schema: pa.Schema) -> pa.Table:
    """Read columns of any kind that CSV can carry: text, numbers, booleans. Null stays null, and "" stays ""."""
    import pyarrow as pa
    from pyarrow import csv

    data = _copy(rows, "CSV")
    if not data:
        return schema.empty_table()
    return csv.read_csv(
        pa.BufferReader(pa.py_buffer(data)),
        read_options=csv.ReadOptions(column_names=schema.names, use_threads=False, block_size=_BLOCK),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=schema, null_values=[""], true_values=["t"], false_values=["f"], strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )  # fmt: skip


def matched(rows: NDArray[np.void], keys: NDArray[np.int64]) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Keep the rows whose ``f0`` is among some keys; returns them, and where the key of each stands.

    Args:
        keys: Ascending.
    """
    at = np.searchsorted(keys, rows["f0"])
    there = at < len(keys)
    there[there] = keys[at[there]] == rows["f0"][there]
    return rows[there], at[there]


class PositionIn(Func):
    """Where a column's text stands in a list, from 1 on; null where it does not."""

    output_field = IntegerField()

    def __init__(self, name: str, texts: Sequence[str]) -> None:
        super().__init__(Value(list(texts), output_field=ArrayField(TextField())), Cast(name, TextField()),
                         function="array_position")  # fmt: skip


def _copy(rows: QuerySet[Any, Any], form: str) -> bytearray:
    sql, parameters = rows.query.sql_with_params()
    data = bytearray()
    statement = f"COPY ({sql}) TO STDOUT (FORMAT {form})"
    with reading_connection().cursor() as cursor, cursor.copy(cursor.mogrify(statement, parameters)) as copy:
        for part in copy:
            data += part
    return data
