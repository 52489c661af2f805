"""How well people agree among each other."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import krippendorff
import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.answers import ABSENT
from reward_engine.errors import DataError


@dataclass(frozen=True)
class HumanAgreement:
    """``alpha``: Krippendorff's, ordinal. ``exact`` and ``within_one``: shares of the ``n_pairs`` pairs of judgments
    of one item by two people. ``n_items`` have at least two judgments."""

    n_items: int
    n_pairs: int
    alpha: float | None
    exact: float | None
    within_one: float | None


def human_agreement(levels: ArrayLike) -> HumanAgreement:
    """Measure people's agreement on one sub-dimension; ``levels`` int [annotators, items]."""
    array = np.asarray(levels, dtype=np.int64)
    if array.ndim != 2:
        raise DataError(f"Levels must have the shape [annotators, items]; this array has {array.shape}.", code="shape")
    values = np.unique(array[array != ABSENT])
    if not len(values):
        return HumanAgreement(0, 0, None, None, None)
    # Judgments of each item by level: all pairs at once, without a loop over people.
    counts = np.stack([(array == value).sum(axis=0) for value in range(values[0], values[-1] + 1)], axis=1)
    judged = counts.sum(axis=1)
    pairs = int((judged * (judged - 1) // 2).sum())
    if not pairs:
        return HumanAgreement(0, 0, None, None, None)
    same = int((counts * (counts - 1) // 2).sum())
    near = same + int((counts[:, 1:] * counts[:, :-1]).sum())
    return HumanAgreement(int((judged >= 2).sum()), pairs, _alpha(counts[judged >= 2]), same / pairs, near / pairs)


def _alpha(counts: NDArray[np.int64]) -> float | None:
    counts = counts[:, counts.any(axis=0)]
    if counts.shape[1] < 2:
        return None  # everybody said the same of everything: agreement beyond chance cannot be told
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        alpha = float(krippendorff.alpha(value_counts=counts, level_of_measurement="ordinal"))
    return alpha if math.isfinite(alpha) else None
