"""Rows that belong together (the items of one prompt) are held out together and drawn together.

Items of one prompt resemble each other. A split or a resampling by rows would count them as news, and
promise more than new prompts will give.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.errors import DataError


def group_numbers(groups: ArrayLike, rows: int) -> NDArray[np.int64]:
    """Groups named by numbers or texts, as numbers 0..g−1, int64 [rows]. Raises DataError for another length."""
    named = np.asarray(groups)
    if named.shape != (rows,):
        raise DataError(f"There are {rows} rows, and groups of the shape {named.shape}; one a row is needed.")
    return np.unique(named, return_inverse=True)[1].astype(np.int64)


def group_folds(groups: NDArray[np.int64], count: int, seed: int) -> list[NDArray[np.bool_]]:
    """Masks bool [rows] of the held-out rows: disjoint, of about equal size, together all rows, no group divided.

    ``groups`` are numbers 0..g−1; with fewer groups than ``count``, as many folds as groups; g ≥ 2.
    """
    sizes = np.bincount(groups)
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]  # large groups first: the rest evens out
    fold_of = np.empty(len(sizes), dtype=np.int64)
    filled = np.zeros(min(count, len(sizes)))
    for group in order:
        fold_of[group] = np.argmin(filled)
        filled[fold_of[group]] += sizes[group]
    return [fold_of[groups] == fold for fold in range(len(filled))]


def resampled_weights(groups: int, times: int, seed: int) -> NDArray[np.float64]:
    """How often each of the groups is drawn, float64 [times, groups]: drawing as many as there are, with replacement.

    The cluster bootstrap: a row's weight in a resample is that of its group.
    """
    if groups < 1:
        raise DataError("There is no group to draw from.")
    drawn = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1.0 / groups), size=times)
    return drawn.astype(np.float64)
