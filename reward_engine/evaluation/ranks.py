"""A leaderboard that shows no noise as order: means with intervals, and the range of ranks each may have.

Prompts are drawn anew, never single items. Two generators are compared on the prompts that they share, so that easy
prompts help neither; where they share too few, on all of both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr

from reward_engine.errors import DataError
from reward_engine.evaluation.bootstrap import TIMES, Interval, interval
from reward_engine.evaluation.significance import holm
from reward_engine.groups import group_numbers, resampled_weights

Floats = NDArray[np.float64]
FEWEST = 5
"""Fewer prompts cannot tell two generators apart."""
LEVEL = 0.05


@dataclass(frozen=True)
class Place:
    """A generator's mean and the ranks it may have.

    ``mean``: over prompts, each counting once. Rank 1 is best: ``best`` − 1 generators are significantly better, and
    those that are significantly worse stand behind ``worst``. ``interval`` is None below two prompts; all but the
    counts are None without an item.
    """

    items: int
    prompts: int
    mean: float | None
    interval: Interval | None
    best: int | None
    worst: int | None


def places(
    values: ArrayLike, generators: ArrayLike, prompts: ArrayLike, *, count: int, times: int = TIMES, seed: int = 0
) -> list[Place]:
    """Place generators 0..count−1 by the values of their items.

    The differences of each two are tested with the standard error of a paired bootstrap over prompts and Student's t,
    and corrected for their number by Holm.

    Args:
        values: float [n], NaN for an item without a value.
        generators: int [n], the generator of each item.
        prompts: [n].
        count: How many generators there are.
        times: How often prompts are drawn anew.
        seed: Of the draws.

    Raises:
        DataError: Shapes do not fit.
    """
    value, maker = np.asarray(values, dtype=np.float64), np.asarray(generators, dtype=np.int64)
    if value.ndim != 1 or value.shape != maker.shape:
        raise DataError(f"One generator per value is needed; the shapes are {value.shape} and {maker.shape}.")
    prompt = group_numbers(prompts, len(value))
    known = ~np.isnan(value)
    items = np.bincount(maker[known], minlength=count)
    if not known.any():
        return [Place(0, 0, None, None, None, None)] * count
    means = _prompt_means(value[known], maker[known], np.unique(prompt[known], return_inverse=True)[1], count)
    drawn = resampled_weights(len(means), times, seed)
    has = ~np.isnan(means)
    resampled = _weighted(drawn, np.where(has, means, 0.0), has)
    better = _significantly_better(means, has, drawn, resampled)
    placed = int(has.any(axis=0).sum())
    found = []
    for one in range(count):
        asked = int(has[:, one].sum())
        if not asked:
            found.append(Place(0, 0, None, None, None, None))
            continue
        mean = float(means[has[:, one], one].mean())
        sure = interval(mean, resampled[:, one]) if asked > 1 else None
        ranks = 1 + int(better[:, one].sum()), placed - int(better[one].sum())
        found.append(Place(int(items[one]), asked, mean, sure, *ranks))
    return found


def _prompt_means(value: Floats, maker: NDArray[np.int64], prompt: NDArray[np.int64], count: int) -> Floats:
    """Average the values of each generator by prompt, float64 [prompts, generators], NaN where there is none."""
    sums, counts = (np.zeros((int(prompt.max()) + 1, count)) for _ in range(2))
    np.add.at(sums, (prompt, maker), value)
    np.add.at(counts, (prompt, maker), 1.0)
    return np.asarray(np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0))


def _weighted(drawn: Floats, values: Floats, has: NDArray[np.bool_]) -> Floats:
    """Average over the prompts drawn, float64 [times, ...], NaN where none of them has a value."""
    total, n = drawn @ values, drawn @ has.astype(np.float64)
    return np.asarray(np.divide(total, n, out=np.full(total.shape, np.nan), where=n > 0))


def _significantly_better(means: Floats, has: NDArray[np.bool_], drawn: Floats, resampled: Floats) -> NDArray[np.bool_]:
    """Mark [a, b] where generator a is significantly better than b."""
    count = means.shape[1]
    gap, p = np.full((count, count), np.nan), np.full((count, count), np.nan)
    for one in range(count - 1):
        others = slice(one + 1, count)
        both = has[:, [one]] & has[:, others]
        apart = np.where(both, means[:, [one]] - means[:, others], 0.0)
        paired, shared = _weighted(drawn, apart, both), both.sum(axis=0)
        for column, other in enumerate(range(one + 1, count)):
            prompts, difference, again = int(shared[column]), 0.0, paired[:, column]
            if prompts >= FEWEST:
                difference = float(apart[:, column].sum() / prompts)
            else:  # they share too few: all of both, as independent as their prompts are
                prompts = int(min(has[:, one].sum(), has[:, other].sum()))
                if prompts < FEWEST:
                    continue
                difference = float(np.nanmean(means[:, one]) - np.nanmean(means[:, other]))
                again = resampled[:, one] - resampled[:, other]
            gap[one, other], p[one, other] = difference, _p(difference, again, prompts)
    sure = holm(p.ravel()).reshape(p.shape) < LEVEL  # NaN is not
    return np.asarray((sure & (gap > 0)) | (sure & (gap < 0)).T)


def _p(difference: float, again: Floats, prompts: int) -> float:
    """Two-sided p of a difference, from its resampled values; a bootstrap's error is too small by √((n − 1)/n)."""
    error = float(np.nanstd(again)) * np.sqrt(prompts / (prompts - 1))
    if error < 1e-12:
        return 1.0 if abs(difference) < 1e-12 else 0.0
    return float(2 * stdtr(prompts - 1, -abs(difference) / error))
