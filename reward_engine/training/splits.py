"""Splits that never divide a group: all items of a prompt are on one side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def held_out_groups(groups: NDArray[np.int64], share: float, seed: int) -> NDArray[np.bool_]:
    """Choose whole groups to hold out, bool [n].

    They are taken in random order until they make up ``share`` of the rows; at least one is, and at least one stays
    outside. ``groups`` are numbers 0..g−1, each with at least one row, g ≥ 2.
    """
    sizes = np.bincount(groups)
    order = np.random.default_rng(seed).permutation(len(sizes))
    # The last group taken may overshoot; take it only where that comes nearer to the share than leaving it.
    totals = np.cumsum(sizes[order])
    count = int(np.argmin(np.abs(totals[:-1] - share * len(groups)))) + 1
    return np.isin(groups, order[:count])


def folds(groups: NDArray[np.int64], count: int, seed: int) -> list[NDArray[np.bool_]]:
    """Divide rows into at most ``count`` folds, bool [n].

    They are disjoint, of about equal size, and together all rows; there are fewer where groups are few.
    """
    sizes = np.bincount(groups)
    present = np.flatnonzero(sizes)
    order = np.random.default_rng(seed).permutation(present)
    order = order[np.argsort(-sizes[order], kind="stable")]  # large groups first: the rest evens out
    count = min(count, len(present))
    fold_of = np.full(len(sizes), -1)
    filled = np.zeros(count)
    for group in order:
        fold_of[group] = int(np.argmin(filled))
        filled[fold_of[group]] += sizes[group]
    return [fold_of[groups] == fold for fold in range(count)]
