"""How scores order the items of one prompt, against people: what rewards are used for, and pairs are mined by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.errors import DataError
from reward_engine.evaluation.bootstrap import TIMES, interval, of_counts, ratio
from reward_engine.groups import group_numbers


@dataclass(frozen=True)
class Order:
    """How well a score orders the pairs of a prompt.

    ``ordered``: the share of ``pairs`` of one prompt with different human values that the score orders like people;
    equal scores are half right, so that a constant has ½. ``low``, ``high``: its 95 % interval over prompts.
    """

    pairs: int
    prompts: int
    ordered: float | None
    low: float | None
    high: float | None


def order_within(
    scores: ArrayLike, human: ArrayLike, prompts: ArrayLike, *, times: int = TIMES, seed: int = 0
) -> Order:
    """Measure how well scores order the items of each prompt.

    Takes scores and human values float [n], NaN where there is none, and prompts [n].

    Raises:
        DataError: Shapes or values do not fit.
    """
    a, b = np.asarray(scores, dtype=np.float64), np.asarray(human, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise DataError(f"Two arrays [n] are needed; these have {a.shape} and {b.shape}.", code="shape")
    group = group_numbers(prompts, len(a))
    right, pairs = order_counts(a, b, group)
    if not pairs.any():
        return Order(0, 0, None, None, None)
    share = float(right.sum() / pairs.sum())
    asked = np.flatnonzero(pairs)
    drawn = of_counts(np.stack([right[asked], pairs[asked]], axis=1), asked, times=times, seed=seed)
    found = interval(share, ratio(drawn[:, 0], drawn[:, 1])) if len(asked) > 1 else None
    low, high = (None, None) if found is None else (found.low, found.high)
    return Order(int(pairs.sum()), len(asked), share, low, high)


def order_counts(
    scores: NDArray[np.float64], human: NDArray[np.float64], group: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Count pairs in people's order and all pairs by group, float64 [g] each."""
    groups = int(group.max()) + 1 if len(group) else 0
    right, pairs = np.zeros(groups), np.zeros(groups)
    known = np.flatnonzero(~(np.isnan(scores) | np.isnan(human)))
    known = known[np.argsort(group[known], kind="stable")]
    for rows in np.split(known, np.flatnonzero(np.diff(group[known])) + 1):
        if len(rows) < 2:
            continue
        better = human[rows][:, None] > human[rows][None, :]
        gap = scores[rows][:, None] - scores[rows][None, :]
        number = group[rows[0]]
        pairs[number] = better.sum()
        right[number] = ((gap > 0) & better).sum() + 0.5 * ((gap == 0) & better).sum()
    return right, pairs
