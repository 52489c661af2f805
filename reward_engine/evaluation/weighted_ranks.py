"""Spearman's rho of resampled prompts: ranks are counted from weights, and nothing is sorted twice."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_engine.evaluation.bootstrap import Interval, interval, ratio
from reward_engine.evaluation.resamples import Floats, Resamples

RANK_TIMES = 200
MOST_VALUES, DENSE = 256, 1_000_000
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
    if first.max() >= MOST_VALUES:
        first = first * MOST_VALUES // (first.max() + 1)  # neighbors share a rank
    width = (int(first.max()) + 1) * k
    counts = _drawn(first * k + second, width, resamples.group[known], resamples.weights[:RANK_TIMES])
    return interval(float(whole), _rho(counts.reshape(-1, width // k, k)))


def _drawn(cells: NDArray[np.int64], width: int, group: NDArray[np.int64], weights: NDArray[np.uint8]) -> Floats:
    """Count rows by cell in each resample, float64 [times, width]."""
    groups = weights.shape[1]
    if groups * width <= DENSE:
        table = np.bincount(group * width + cells, minlength=groups * width).reshape(groups, width)
        return np.asarray(weights.astype(np.float64) @ table)
    ranked = np.argsort(cells, kind="stable")
    cells, group = cells[ranked], group[ranked]
    return np.stack([np.bincount(cells, drawn[group], width) for drawn in weights])


def _rho(counts: NDArray[Any]) -> Floats:
    """Correlate the mean ranks of rows and columns of counts [..., a, b]; NaN for constants."""
    middle = (counts.sum(axis=(-2, -1))[..., None] + 1) / 2
    first, second = counts.sum(axis=-1), counts.sum(axis=-2)
    a, b = (np.cumsum(of, axis=-1) - (of - 1) / 2 - middle for of in (first, second))
    spread = (first * a * a).sum(axis=-1) * (second * b * b).sum(axis=-1)
    return ratio(np.asarray(np.einsum("...i,...ij,...j->...", a, counts, b)), np.asarray(np.sqrt(spread)))
