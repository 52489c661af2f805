"""Spearman's rho of resampled prompts: ranks are counted from weights, and nothing is sorted twice."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_engine.evaluation.bootstrap import Interval, interval
from reward_engine.evaluation.resamples import Floats, Resamples

RANK_TIMES = 200
MOST_VALUES = 256
"""So many different values a resample tells apart; the figure itself tells all apart."""
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
    k = int(second.max()) + 1
    whole = _rho(np.bincount(first * k + second, minlength=(int(first.max()) + 1) * k).reshape(-1, k))
    ranked = np.argsort(first, kind="stable")
    first, second, group = first[ranked], second[ranked], resamples.group[known][ranked]
    if first[-1] >= MOST_VALUES:
        first = first * MOST_VALUES // (first[-1] + 1)  # neighbors share a rank
    cells, width = first * k + second, (int(first[-1]) + 1) * k
    drawn = np.array(
        [_rho(np.bincount(cells, weights[group], width).reshape(-1, k)) for weights in resamples.weights[:RANK_TIMES]]
    )
    return interval(whole, drawn)


def _rho(counts: NDArray[Any]) -> float:
    """Correlate the mean ranks of rows and columns of counts [a, b]; NaN for constants."""
    total = counts.sum()
    first, second = counts.sum(axis=1), counts.sum(axis=0)
    a, b = (np.cumsum(of) - (of - 1) / 2 - (total + 1) / 2 for of in (first, second))
    spread = float(first @ (a * a)) * float(second @ (b * b))
    return float(a @ counts @ b) / spread**0.5 if spread > 0 else float("nan")
