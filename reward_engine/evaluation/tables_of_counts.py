"""Figures of agreement as functions of counts [..., k, k], so that all resamples are one operation.

``values`` float64 [k] are the levels that rows and columns stand for, ascending.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reward_engine.evaluation.bootstrap import ratio

Floats = NDArray[np.float64]


def accuracy(counts: Floats) -> Floats:
    """Share of the diagonal."""
    return ratio(np.trace(counts, axis1=-2, axis2=-1), counts.sum(axis=(-2, -1)))


def balanced_accuracy(counts: Floats) -> Floats:
    """Average the share that was found over the levels that people chose (rows)."""
    found = ratio(np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1))
    known = ~np.isnan(found)
    return ratio(np.where(known, found, 0.0).sum(axis=-1), known.sum(axis=-1).astype(np.float64))


def kappa(counts: Floats, values: Floats) -> Floats:
    """Compute Cohen's kappa with quadratic weights; NaN where all is one level."""
    distance = (values[:, None] - values[None, :]) ** 2
    n = counts.sum(axis=(-2, -1))
    observed = (counts * distance).sum(axis=(-2, -1))
    rows, columns = counts.sum(axis=-1), counts.sum(axis=-2)
    by_chance = ratio(np.einsum("...i,ij,...j->...", rows, distance, columns), n)
    return 1.0 - ratio(observed, by_chance)


def f1_of_rarer(counts: Floats, rarer: int) -> Floats:
    """Compute F1 of the answer 0 (no) or 1 (yes), counts [..., 2, 2]."""
    right = counts[..., rarer, rarer]
    return ratio(2 * right, counts[..., rarer, :].sum(axis=-1) + counts[..., :, rarer].sum(axis=-1))


def alpha(coincidences: Floats) -> Floats:
    """Compute Krippendorff's ordinal alpha from coincidences [..., k, k]; NaN where all is one level."""
    of_level = coincidences.sum(axis=-1)
    n = of_level.sum(axis=-1)
    upto = np.cumsum(of_level, axis=-1)
    # Levels from one to the other, half of each end (Krippendorff's ordinal metric).
    middle = upto - of_level / 2
    distance = (middle[..., :, None] - middle[..., None, :]) ** 2
    observed = (coincidences * distance).sum(axis=(-2, -1))
    expected = (of_level[..., :, None] * of_level[..., None, :] * distance).sum(axis=(-2, -1))
    return 1.0 - ratio((n - 1) * observed, expected)
