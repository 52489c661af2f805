"""Intervals by the cluster bootstrap: whole prompts are drawn with replacement, never single rows.

Where a figure is a function of counts, a resample is a weighted sum of the counts of each prompt, and all
resamples are one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.errors import DataError
from reward_engine.groups import group_numbers, resampled_weights

TIMES = 1000


@dataclass(frozen=True)
class Interval:
    """A value and its 95 % percentile interval over resamples of prompts.

    ``value`` is that of the data at hand.
    """

    value: float
    low: float
    high: float


def interval(value: float | None, resampled: NDArray[np.float64]) -> Interval | None:
    """Compute the interval of a figure from its resampled values.

    These are float64 [times], NaN where a resample cannot say it. None where the figure itself cannot be said, or in
    fewer than half of the resamples.
    """
    known = resampled[~np.isnan(resampled)]
    if value is None or not np.isfinite(value) or 2 * len(known) < len(resampled) or not len(known):
        return None
    low, high = np.quantile(known, [0.025, 0.975])
    return Interval(float(value), float(low), float(high))


def of_counts(counts: ArrayLike, groups: ArrayLike, *, times: int = TIMES, seed: int = 0) -> NDArray[np.float64]:
    """Sum the counts of each row [n, ...] over each resample, float64 [times, ...].

    Args:
        groups: [n], the prompt of each row, numbers or texts; n ≥ 1.

    Raises:
        DataError: Shapes or values do not fit.
    """
    array = np.asarray(counts, dtype=np.float64)
    if not len(array):
        raise DataError("There is nothing to draw from.")
    group = group_numbers(groups, len(array))
    of_group = np.zeros((int(group.max()) + 1, *array.shape[1:]))
    np.add.at(of_group, group, array)
    found: NDArray[np.float64] = np.tensordot(resampled_weights(len(of_group), times, seed), of_group, axes=1)
    return found


def ratio(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide, giving NaN where the denominator is 0.

    A resample without a single case says nothing.
    """
    found = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=found, where=denominator > 0)
    return found


def of_rows(
    statistic: Callable[[NDArray[np.int64]], float | None],
    groups: ArrayLike,
    *,
    times: int = 200,
    seed: int = 0,
) -> Interval | None:
    """Compute the interval of a figure that is no function of counts.

    ``statistic`` is asked once for each resample; it gets the rows drawn, int64 [m], and says None where they cannot
    tell.
    """
    named = np.asarray(groups)
    group = group_numbers(named, len(named))
    order = np.argsort(group, kind="stable").astype(np.int64)
    sizes = np.bincount(group)
    if not len(sizes):
        return None
    rows_of = np.split(order, np.cumsum(sizes)[:-1])
    found = np.full(times, np.nan)
    for index, drawn in enumerate(resampled_weights(len(sizes), times, seed)):
        picked = [np.tile(rows_of[g], int(drawn[g])) for g in np.flatnonzero(drawn)]
        value = statistic(np.concatenate(picked))
        found[index] = np.nan if value is None else value
    return interval(statistic(np.arange(len(named), dtype=np.int64)), found)
