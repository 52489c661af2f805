"""Judgments side by side: what comparing people with each other begins with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotator.campaigns.queries import JudgmentTable
from reward_engine.answers import ABSENT


def side_by_side(table: JudgmentTable, items: NDArray[np.int64]) -> NDArray[np.int8]:
    """int8 [k, n, s]: the first, second … judgment of each of these items (ascending), ABSENT where there is none.

    Who judged does not matter for agreement, so that k is only as large as the most judged item asks for. Somebody
    who judged an item in two campaigns is asked once: the later annotation counts, as in the consensus.
    """
    wanted = np.flatnonzero(np.isin(table.items, items))
    pairs = np.stack([table.items[wanted], table.annotators[wanted]], axis=1)[::-1]
    _, last = np.unique(pairs, axis=0, return_index=True)
    rows = wanted[np.sort(len(pairs) - 1 - last)]
    of_item = np.searchsorted(items, table.items[rows])
    order = np.argsort(of_item, kind="stable")
    rows, of_item = rows[order], of_item[order]
    starts = np.searchsorted(of_item, np.arange(len(items)))
    place = np.arange(len(rows)) - starts[of_item] if len(rows) else np.zeros(0, dtype=np.int64)
    packed = np.full((int(place.max(initial=0)) + 1, len(items), table.levels.shape[1]), ABSENT, dtype=np.int8)
    packed[place, of_item] = table.levels[rows]
    return packed


def pairwise_kappa(levels: NDArray[np.int8]) -> float | None:
    """Quadratic-weighted kappa over all pairs of judgments of one item by two people, each pair both ways round;
    ``levels`` int8 [k, n]. None without pairs, or where everybody always said the same.

    1 − E[(a−b)²] / E[(a−b')²] with a and b' drawn independently from all first members of pairs (Cohen 1968), so
    that it stands on the same scale as the model's kappa.
    """
    judged = levels != ABSENT
    count = judged.sum(axis=0).astype(np.float64)
    values = np.where(judged, levels, 0).astype(np.float64)
    total, squares = values.sum(axis=0), (values**2).sum(axis=0)
    pairs = float((count * (count - 1)).sum())
    if not pairs:
        return None
    apart = float((2 * count * squares - 2 * total**2).sum()) / pairs
    mean = float(((count - 1) * total).sum()) / pairs
    spread = float(((count - 1) * squares).sum()) / pairs - mean**2
    return 1.0 - apart / (2 * spread) if spread > 1e-12 else None
