"""Preference pairs by dominance.

MPO (VisionReward, arXiv 2412.21059, section 4) trains only on pairs (winner, loser) of one prompt in which the
winner is at least as good in every dimension and better in at least one, so that no quality is bought with
another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.errors import DataError

# Ordered pairs compared at a time: bounds memory to a few dozen megabytes whatever the data.
_BLOCK = 1 << 21


@dataclass(frozen=True)
class Pairs:
    """m pairs: positions of ``winner`` and ``loser`` int64 [m], and ``gaps`` float32 [m, d] (all ≥ 0).

    Ordered by group as the groups first appear, within a group by total gap, largest first.
    """

    winner: NDArray[np.int64]
    loser: NDArray[np.int64]
    gaps: NDArray[np.float32]
    total_gap: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.winner)


def pairs(
    values: ArrayLike,
    groups: ArrayLike,
    *,
    total: ArrayLike | None = None,
    margin: float = 0.0,
    min_total_gap: float = 0.0,
    max_pairs_per_group: int | None = None,
    choose: Literal["largest", "random"] = "largest",
    seed: int = 0,
) -> Pairs:
    """All pairs in which one item dominates another of its group.

    ``values`` float [n, d]: one column a dimension, higher is better. ``groups`` int [n]: items are compared
    within a group (a prompt). ``total`` float [n]: the total the gap is measured in; default the sum over
    dimensions. ``margin``: by how much at least one dimension must be better (strictly more; rounding noise
    is no preference). ``min_total_gap``: pairs with a smaller difference of totals are left out.
    ``max_pairs_per_group``: keep that many of each group, those of largest total gap or a random choice
    (``seed``).

    Raises DataError for shapes that do not fit, values that are not finite, or negative options.
    """
    array, group, totals = _check(values, groups, total, margin, min_total_gap, max_pairs_per_group)
    _, first, compact, sizes = np.unique(group, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(compact, kind="stable")  # the items, group by group
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    winners: list[NDArray[np.int64]] = []
    losers: list[NDArray[np.int64]] = []
    for size in np.unique(sizes[sizes > 1]):
        members = order[starts[sizes == size][:, None] + np.arange(size)]
        for winner, loser in _dominating(array, totals, members, margin, min_total_gap):
            winners.append(winner)
            losers.append(loser)
    winner = np.concatenate(winners) if winners else np.zeros(0, dtype=np.int64)
    loser = np.concatenate(losers) if losers else np.zeros(0, dtype=np.int64)
    gap = totals[winner] - totals[loser]
    appearance = first[compact[winner]]
    if max_pairs_per_group is not None and choose == "random":
        lot = np.random.default_rng(seed).random(len(winner))
        # The lot is drawn in a fixed order of pairs, so that the seed alone decides.
        fixed = np.lexsort((loser, winner))
        drawn = np.empty_like(lot)
        drawn[fixed] = lot
        keep = _first_of_each(np.lexsort((drawn, appearance)), appearance, max_pairs_per_group)
        winner, loser, gap, appearance = winner[keep], loser[keep], gap[keep], appearance[keep]
    ranked = np.lexsort((loser, winner, -gap, appearance))
    if max_pairs_per_group is not None:
        ranked = _first_of_each(ranked, appearance, max_pairs_per_group)
    winner, loser, gap = winner[ranked], loser[ranked], gap[ranked]
    return Pairs(winner, loser, (array[winner] - array[loser]).astype(np.float32), gap)


def _dominating(
    values: NDArray[np.float64],
    totals: NDArray[np.float64],
    members: NDArray[np.int64],
    margin: float,
    min_total_gap: float,
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of groups of one size: ``members`` int64 [groups, size], compared in blocks of groups or of rows."""
    count, size = members.shape
    groups_at_once = max(1, _BLOCK // (size * size))
    rows_at_once = size if groups_at_once > 1 else max(1, _BLOCK // size)
    found = []
    for start in range(0, count, groups_at_once):
        block = members[start : start + groups_at_once]
        for row in range(0, size, rows_at_once):
            left = block[:, row : row + rows_at_once]
            no_worse = np.ones((len(block), left.shape[1], size), dtype=bool)
            better = np.zeros_like(no_worse)
            for column in values.T:
                a, b = column[left][:, :, None], column[block][:, None, :]
                no_worse &= a >= b
                better |= a - b > margin
            no_worse &= better
            if min_total_gap > 0:
                no_worse &= totals[left][:, :, None] - totals[block][:, None, :] >= min_total_gap
            group, winner, loser = np.nonzero(no_worse)
            found.append((left[group, winner], block[group, loser]))
    return found


def _first_of_each(order: NDArray[np.intp], group: NDArray[np.intp], limit: int) -> NDArray[np.intp]:
    """Of positions ordered group by group, the first ``limit`` of each group."""
    ordered = group[order]
    new = np.concatenate([[True], ordered[1:] != ordered[:-1]]) if len(ordered) else np.zeros(0, dtype=bool)
    starts = np.flatnonzero(new)
    rank = np.arange(len(ordered)) - np.repeat(starts, np.diff(np.append(starts, len(ordered))))
    return order[rank < limit]


def _check(
    values: ArrayLike,
    groups: ArrayLike,
    total: ArrayLike | None,
    margin: float,
    min_total_gap: float,
    max_pairs_per_group: int | None,
) -> tuple[NDArray[np.float64], NDArray[np.generic], NDArray[np.float64]]:
    array = np.asarray(values, dtype=np.float64)
    group = np.asarray(groups)
    if array.ndim != 2 or group.shape != (len(array),):
        raise DataError(f"Values [n, d] and groups [n] are needed; the shapes are {array.shape} and {group.shape}.")
    totals = array.sum(axis=1) if total is None else np.asarray(total, dtype=np.float64)
    if totals.shape != (len(array),):
        raise DataError(f"There are {len(array)} items and {totals.size} totals.")
    if not np.isfinite(array).all() or not np.isfinite(totals).all():
        row = int(np.flatnonzero(~np.isfinite(array).all(axis=1) | ~np.isfinite(totals))[0])
        raise DataError(f"Row {row} holds a value that is not finite; score the item again or leave it out.")
    if margin < 0 or min_total_gap < 0 or (max_pairs_per_group is not None and max_pairs_per_group < 1):
        raise DataError("The margin and the smallest total gap are at least 0; the pairs a group at least 1.")
    return array, group, totals
