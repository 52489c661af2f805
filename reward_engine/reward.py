"""Answers → reward, with everything that it is made of.

The reward is linear (VisionReward, arXiv 2412.21059, section 3.2: checklist answers weighted linearly):
r = b + Σ_q w_q · v_q, where v_q is the signed value of question q: +1 yes, −1 no, 0 where it does not
apply. The soft form takes v_q = g_q · (2·P(yes) − 1), g_q being the probability that q applies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.checklist import Checklist
from reward_engine.errors import DataError
from reward_engine.ladders import applies, monotone
from reward_engine.weights import Weights

if TYPE_CHECKING:
    from reward_engine.calibration import Calibration


@dataclass(frozen=True)
class RewardResult:
    """Rewards of n items and their parts.

    ``reward`` float64 [n]; ``contributions`` [n, q], ``by_sub_dimension`` [n, s], ``by_dimension`` [n, d].

    Each of the three adds up along its last axis, with the intercept, to the reward.
    """

    reward: NDArray[np.float64]
    contributions: NDArray[np.float64]
    by_sub_dimension: NDArray[np.float64]
    by_dimension: NDArray[np.float64]
    intercept: float


def hard_values(p_yes: ArrayLike, checklist: Checklist, *, threshold: float = 0.5) -> NDArray[np.float64]:
    """Turn P(yes) into yes, no or not applicable.

    Returns float64 [n, q] in {−1, 0, +1}: yes from ``threshold`` on; 0 behind a presence answered no.
    """
    p = monotone(checklist, p_yes)
    return np.where(p >= threshold, 1.0, -1.0) * (applies(checklist, p) >= threshold)


def soft_values(p_yes: ArrayLike, checklist: Checklist) -> NDArray[np.float64]:
    """Turn P(yes) into signed values.

    Returns float64 [n, q] in [−1, 1]: 2·P(yes) − 1, times the probability that the question applies.
    """
    p = monotone(checklist, p_yes)
    return (2.0 * p - 1.0) * applies(checklist, p)


def reward(values: ArrayLike, checklist: Checklist, weights: Weights) -> RewardResult:
    """Compute the reward of signed values, and its parts.

    The values [n, q] in [−1, 1] are answers, or what :func:`soft_values` gives.

    Raises:
        DataError: For a wrong shape or values outside [−1, 1].
        WeightsError: If weights do not fit.
    """
    weights.check(checklist)
    array = np.asarray(values, dtype=np.float64)
    _check(array, checklist)
    contributions = array * weights.coef
    by_sub = _group(contributions, checklist.question_sub_dimension, len(checklist.ordinal))
    by_dimension = _group(by_sub, checklist.ordinal_dimension, len(checklist.dimensions))
    total = by_dimension.sum(axis=1) + weights.intercept
    return RewardResult(total, contributions, by_sub, by_dimension, weights.intercept)


def score(
    p_yes: ArrayLike,
    checklist: Checklist,
    weights: Weights,
    *,
    calibration: Calibration | None = None,
    form: Literal["soft", "hard"] = "soft",
) -> RewardResult:
    """Turn P(yes) into rewards and their parts.

    Takes what a judge says, [n, q], and calibrates, makes monotone, masks and weighs it.

    Raises:
        DataError: Shapes or values do not fit.
        WeightsError: The weights do not fit the checklist.
        ArtifactError: For a calibration of another checklist.
    """
    if form not in ("soft", "hard"):
        raise DataError(f"The form is soft or hard, not “{form}”.", code="options")
    p = p_yes if calibration is None else calibration.apply(checklist, p_yes)
    values = soft_values(p, checklist) if form == "soft" else hard_values(p, checklist)
    return reward(values, checklist, weights)


def _group(values: NDArray[np.float64], groups: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Sums of the columns of one group each: [n, k] → [n, count]."""
    grouped = np.zeros((count, len(values)))
    np.add.at(grouped, groups, values.T)
    return np.ascontiguousarray(grouped.T)


def _check(values: NDArray[np.float64], checklist: Checklist) -> None:
    if values.ndim != 2 or values.shape[1] != len(checklist.questions):
        raise DataError(
            f"Values must have the shape [n, {len(checklist.questions)}] for “{checklist.name}”; "
            f"this array has {values.shape}.",
            code="shape",
        )
    bad = ~(np.abs(values) <= 1.0)  # catches NaN as well
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise DataError(
            f"Row {row}, “{checklist.questions[column].id}”: {values[row, column]} is outside [−1, 1].", code="range"
        )
