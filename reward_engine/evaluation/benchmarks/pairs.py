"""The protocol of pairs: accuracy without ties (``diff``) and with them (``tau``), intervals over prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from reward_engine.evaluation.benchmarks.base import Content, Floats, Pair, Row
from reward_engine.evaluation.bootstrap import Interval
from reward_engine.evaluation.preferences import preference_accuracy, preference_intervals

TIMES = 200


class PairList:
    """Rows and pairs while a table is read.

    A file that stands in several pairs is one row, and is judged once.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.pairs: list[Pair] = []
        self._at: dict[str, int] = {}

    def row(self, row: Row) -> int:
        """Add a row unless its file is known, and return its number."""
        if row.file not in self._at:
            self._at[row.file] = len(self.rows)
            self.rows.append(row)
        return self._at[row.file]

    def content(self) -> Content:
        return Content(tuple(self.rows), tuple(self.pairs))


def pair_report(content: Content, scores: Floats, names: Sequence[str], seed: int) -> dict[str, Any]:
    """Measure how scores order the pairs that people compared.

    Gives pairs, ties, ``without_ties`` and ``with_ties`` by the name of what people compared. ``without_ties``: the
    share of pairs without a human tie that the score orders like people; equal scores are not ordered. ``with_ties``:
    of all pairs, where gaps up to the threshold that is best on these very pairs count as ties (Deutsch, Foster &
    Freitag 2023, “Ties Matter”), as VideoAlign's calc_accuracy.py does. Pairs with an item that was not judged are left
    out, and counted.
    """
    first = np.array([pair.first for pair in content.pairs], dtype=np.int64)
    second = np.array([pair.second for pair in content.pairs], dtype=np.int64)
    gaps = scores[first] - scores[second]
    judged = np.isfinite(gaps)
    found: dict[str, Any] = {"left_out": int((~judged).sum())}
    for name in names:
        told = np.array([name in pair.human for pair in content.pairs], dtype=bool)
        at = np.flatnonzero(judged & told)
        human = np.array([content.pairs[int(i)].human[name] for i in at], dtype=np.int64)
        prompts = [content.pairs[int(i)].prompt_id for i in at]
        accuracy = preference_accuracy(gaps[at], human)
        around = preference_intervals(gaps[at], human, prompts, times=TIMES, seed=seed)
        found[name] = {
            "pairs": accuracy.n,
            "ties": accuracy.n - accuracy.n_strict,
            "prompts": len(set(prompts)),
            "without_ties": plain(around.diff, accuracy.diff),
            "with_ties": plain(around.tau, accuracy.tau),
            "threshold": accuracy.epsilon,
        }
    return found


def plain(found: Interval | None, value: float | None) -> dict[str, float | None] | None:
    """Make the figure plain data, with its interval where enough prompts say it."""
    if found is not None:
        return asdict(found)
    return None if value is None else {"value": value, "low": None, "high": None}
