"""People's preferences between items: a table with two keys and an answer a row."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reward_engine.cli import tables
from reward_engine.cli.predictions import Stored
from reward_engine.comparisons import Comparisons
from reward_engine.errors import DataError

BETTER = {"a": 1, "first": 1, "1": 1, "b": -1, "second": -1, "2": -1, "-1": -1, "tie": 0, "same": 0, "0": 0}
HELP = "a table with columns a, b (keys) and answer (A, B or tie)"


def read(path: Path) -> list[tuple[str, str, int]]:
    """Read comparisons from a table.

    Each row gives (a, b, +1 where a is better, −1 where b is, 0 for a tie).

    Raises:
        DataError: Shapes or values do not fit.
    """
    rows, _ = tables.read(path)
    return [(str(row.get("a")), str(row.get("b")), _answer(row, number)) for number, row in enumerate(rows, 1)]


def comparisons(path: Path, judges: Mapping[str, Stored]) -> tuple[Comparisons, list[tuple[str, str]], int]:
    """Keep the pairs whose items every judge has answered.

    Returns them as rows of the first judge, their keys, and how many were left out.

    Raises:
        DataError: If there is none.
    """
    pairs = read(path)
    answered = [set(stored.keys) for stored in judges.values()]
    known = [pair for pair in pairs if all(pair[0] in keys and pair[1] in keys for keys in answered)]
    if not known:
        raise DataError(f"{path.name}: no pair has both of its items answered.", code="keys")
    first = next(iter(judges.values()))
    row = {key: number for number, key in enumerate(first.keys)}
    a, b = [row[pair[0]] for pair in known], [row[pair[1]] for pair in known]
    found = Comparisons.of(
        a, b, [said for *_, said in known], [first.groups[number] for number in a], items=len(first.keys)
    )
    return found, [pair[:2] for pair in known], len(pairs) - len(known)


def _answer(row: tables.Row, number: int) -> int:
    said = str(row.get("answer", "")).strip().lower()
    if said not in BETTER or row.get("a") in (None, "") or row.get("b") in (None, ""):
        raise DataError(
            f"Preferences, row {number}: keys in a and b, and A, B or tie in answer are expected.", code="preferences"
        )
    return BETTER[said]
