"""Spearman's rho of resampled prompts: ranks are counted from weights, and nothing is sorted twice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reward_engine.evaluation.bootstrap import Interval, interval
from reward_engine.evaluation.resamples import Floats, Resamples

RANK_TIMES = 200
FEWEST = 3


def spearman_interval(
    predicted: Floats, human: NDArray[np.int64], known: NDArray[np.bool_], resamples: Resamples
) -> Interval | None:
    """Compute Spearman's rho with its interval from the first resamples of prompts.

    Args:
        predicted: float [n].
        human: int [n].
        known: bool [n], the rows that count.
    """
    if known.sum() < FEWEST:
        return None
    first = np.unique(predicted[known], return_inverse=True)[1]
    second = np.unique(human[known], return_inverse=True)[1]
    group = resamples.group[known]
    whole = _rho(first, second, np.ones(len(first)))
    drawn = np.array(
        [_rho(first, second, weights[group].astype(np.float64)) for weights in resamples.weights[:RANK_TIMES]]
    )
    return interval(whole, drawn)


def _rho(first: NDArray[np.int64], second: NDArray[np.int64], weights: Floats) -> float:
    """Pearson's correlation of the mean ranks of rows that each count ``weights`` times; NaN for constants."""
    total = weights.sum()
    a, b = (_ranks(values, weights) - (total + 1) / 2 for values in (first, second))
    spread = float(weights @ (a * a)) * float(weights @ (b * b))
    return float(weights @ (a * b)) / spread**0.5 if spread > 0 else float("nan")


def _ranks(values: NDArray[np.int64], weights: Floats) -> Floats:
    of_value = np.bincount(values, weights)
    ranks: Floats = (np.cumsum(of_value) - (of_value - 1) / 2)[values]
    return ranks
