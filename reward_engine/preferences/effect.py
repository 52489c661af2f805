"""What each dimension's weight does: how preferences are ordered with all dimensions, and with one left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.checklist import Checklist
from reward_engine.comparisons import Comparisons
from reward_engine.evaluation.bootstrap import TIMES, interval, of_counts, ratio
from reward_engine.reward import reward
from reward_engine.weights import Weights


@dataclass(frozen=True)
class DimensionEffect:
    """What one dimension adds to the order of pairs.

    ``share`` of all weight; ``accuracy`` on pairs without a tie with all dimensions and ``without`` this one;
    ``difference``: what the dimension adds, with its 95 % interval over prompts. Equal rewards are half right.
    """

    dimension: str
    share: float
    accuracy: float
    without: float
    difference: float
    low: float | None
    high: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def dimension_effects(
    checklist: Checklist,
    values: ArrayLike,
    comparisons: Comparisons,
    weights: Weights,
    *,
    times: int = TIMES,
    seed: int = 0,
) -> tuple[DimensionEffect, ...]:
    """Measure what each dimension with weight adds.

    Takes signed values [n, q]; returns () without a pair in which one was preferred.
    """
    decided = comparisons.outcome != 0
    if not decided.any():
        return ()
    gaps = comparisons.differences(reward(values, checklist, weights).by_dimension)[decided]
    outcome, prompts = comparisons.outcome[decided], comparisons.prompts[decided]
    whole = _right(gaps.sum(axis=1), outcome)
    size = np.abs(weights.coef)
    found = []
    for index, dimension in enumerate(checklist.dimensions):
        share = float(size[checklist.question_dimension == index].sum() / size.sum())
        if share == 0:
            continue
        less = _right(np.delete(gaps, index, axis=1).sum(axis=1), outcome)
        drawn = of_counts(np.stack([whole - less, np.ones(len(whole))], axis=1), prompts, times=times, seed=seed)
        difference = float((whole - less).mean())
        sure = interval(difference, ratio(drawn[:, 0], drawn[:, 1]))
        low, high = (None, None) if sure is None else (sure.low, sure.high)
        found.append(
            DimensionEffect(dimension.id, share, float(whole.mean()), float(less.mean()), difference, low, high)
        )
    return tuple(found)


def _right(gap: NDArray[np.float64], outcome: NDArray[np.int8]) -> NDArray[np.float64]:
    gap = np.where(np.abs(gap) < 1e-12, 0.0, gap)  # the rounding of a sum is no preference
    return np.asarray((np.sign(gap) == outcome) + 0.5 * (gap == 0), dtype=np.float64)
