"""How well two level arrays of one sub-dimension agree: model with human, or human with human."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.answers import ABSENT
from reward_engine.errors import DataError


@dataclass(frozen=True)
class LevelAgreement:
    """``n`` items with both levels; shares in [0, 1]; ``mae`` in levels; ``kappa`` quadratic-weighted, at most 1."""

    n: int
    accuracy: float | None
    within_one: float | None
    mae: float | None
    kappa: float | None


def level_agreement(predicted: ArrayLike, human: ArrayLike) -> LevelAgreement:
    """Agreement of two level arrays of one sub-dimension, int [n] each; rows that either lacks are left out."""
    a, b = np.asarray(predicted, dtype=np.int64), np.asarray(human, dtype=np.int64)
    if a.shape != b.shape or a.ndim != 1:
        raise DataError(f"Two arrays [n] of levels are needed; these have {a.shape} and {b.shape}.", code="shape")
    both = (a != ABSENT) & (b != ABSENT)
    a, b = a[both], b[both]
    if not len(a):
        return LevelAgreement(0, None, None, None, None)
    gap = np.abs(a - b)
    return LevelAgreement(
        n=len(a),
        accuracy=float((gap == 0).mean()),
        within_one=float((gap <= 1).mean()),
        mae=float(gap.mean()),
        kappa=quadratic_kappa(a, b),
    )


def quadratic_kappa(a: NDArray[np.int64], b: NDArray[np.int64]) -> float | None:
    """Cohen's kappa with quadratic weights; None where both are one and the same constant.

    1 − E[(a−b)²] / E[(a−b')²] with a and b' drawn independently (Cohen 1968).
    """
    expected = float(a.var() + b.var() + (a.mean() - b.mean()) ** 2)
    if expected <= 0:
        return None
    return 1.0 - float(((a - b) ** 2).mean()) / expected
