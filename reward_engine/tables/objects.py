"""JSON Lines, one object per line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from reward_engine.tables.rows import TableRow


def objects(lines: Iterable[str]) -> Iterator[TableRow]:
    """Read JSON Lines, a row for each line that is not blank.

    One that is no object of JSON has its problem.
    """
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _row(number, line)


def strict(text: str) -> Any:
    """Read a JSON text. ValueError for a key that is there twice, and for NaN and Infinity."""
    return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)


def _row(number: int, line: str) -> TableRow:
    try:
        given = strict(line)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        return TableRow(number, {}, f"this is not valid JSON ({reason}).", "bad_json")
    if not isinstance(given, dict):
        return TableRow(
            number, {}, 'one JSON object is needed on each line, such as {"file": …, "prompt": …}.', "bad_json"
        )
    return TableRow(number, given)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    for (one, _), (next_one, _) in pairwise(sorted(pairs, key=lambda pair: pair[0])):
        if one == next_one:
            raise ValueError(f"the key “{one}” is there twice")
    return dict(pairs)


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON number")
