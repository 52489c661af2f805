"""Rows that belong together (the items of one prompt) are held out together and drawn together.

Items of one prompt resemble each other. A split or a resampling by rows would count them as news, and
promise more than new prompts will give.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.errors import DataError


def group_numbers(groups: ArrayLike, rows: int) -> NDArray[np.int64]:
    """Number groups named by numbers or texts 0..g−1, int64 [rows].

    Raises:
        DataError: For another length.
    """
    named = np.asarray(groups)
    if named.shape != (rows,):
        raise DataError(f"There are {rows} rows, and groups of the shape {named.shape}; one per row is needed.")
    return np.unique(named, return_inverse=True)[1].astype(np.int64)


def group_folds(groups: NDArray[np.int64], count: int, seed: int) -> list[NDArray[np.bool_]]:
    """Divide rows into folds without dividing a group.

    Returns masks bool [rows] of the held-out rows: disjoint, of about equal size, together all rows. ``groups`` are
    numbers 0..g−1; with fewer groups than ``count``, as many folds as groups; g ≥ 2.
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
    """Draw groups with replacement, many times.

    Returns how often each is drawn, float64 [times, groups]; a resample has as many draws as there are groups. This is
    the cluster bootstrap: a row's weight in a resample is that of its group.
    """
    if groups < 1:
        raise DataError("There is no group to draw from.")
    drawn = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1.0 / groups), size=times)
    return drawn.astype(np.float64)


def within(
    values: NDArray[np.float64],
    group: NDArray[np.int64],
    between: float = 0.0,
    weight: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Subtract each group's mean from its values [n] or [n, k].

    Then adds ``between`` times the deviation of that mean from the mean of all.
    """
    weight = np.ones(len(values)) if weight is None else weight
    column = weight if values.ndim == 1 else weight[:, None]
    _, number = np.unique(group, return_inverse=True)
    sums = np.zeros((int(number.max()) + 1, *values.shape[1:]))
    np.add.at(sums, number, values * column)
    counts = np.bincount(number, weights=weight)
    means = (sums / (counts if values.ndim == 1 else counts[:, None]))[number]
    overall = (values * column).sum(axis=0) / weight.sum()
    return np.asarray(values - means + between * (means - overall))


def total_over_groups(values: NDArray[np.float64], group: NDArray[np.int64]) -> tuple[float, float]:
    """Add up values [n], and estimate the standard error of the total.

    The error is that of drawing whole groups.
    """
    by_group = np.bincount(group, weights=values)[np.unique(group)]
    return float(by_group.sum()), float(by_group.std(ddof=1) * np.sqrt(len(by_group)))
