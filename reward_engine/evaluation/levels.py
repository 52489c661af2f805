"""How well two level arrays of one sub-dimension agree: model with human, or human with human."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.answers import ABSENT
from reward_engine.errors import DataError
from reward_engine.evaluation.bootstrap import TIMES, Interval, interval, of_counts


@dataclass(frozen=True)
class LevelAgreement:
    """How well two sets of levels agree.

    ``n`` items with both levels; shares in [0, 1]; ``mae`` in levels; ``kappa`` quadratic-weighted, at most 1.
    """

    n: int
    accuracy: float | None
    within_one: float | None
    mae: float | None
    kappa: float | None


def level_agreement(predicted: ArrayLike, human: ArrayLike) -> LevelAgreement:
    """Measure how two level arrays int [n] of one sub-dimension agree.

    Rows that either lacks are left out.
    """
    a, b, _ = _both(predicted, human)
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


def level_intervals(
    predicted: ArrayLike, human: ArrayLike, prompts: ArrayLike, *, times: int = TIMES, seed: int = 0
) -> dict[str, Interval | None]:
    """Compute intervals of the figures that :func:`level_agreement` has.

    They are ``accuracy``, ``within_one``, ``mae`` and ``kappa``.

    Args:
        prompts: [n], whose rows are drawn together, in ``times`` resamples.
    """
    a, b, both = _both(predicted, human)
    found = level_agreement(a, b)
    if not len(a):
        return dict.fromkeys(("accuracy", "within_one", "mae", "kappa"))
    gap = np.abs(a - b)
    moments = np.stack([np.ones(len(a)), gap == 0, gap <= 1, gap, gap**2, a, b, a * a, b * b], axis=1)
    n, *sums = of_counts(moments, np.asarray(prompts)[both], times=times, seed=seed).T
    exact, near, distance, square, mean_a, mean_b, square_a, square_b = (values / n for values in sums)
    by_chance = square_a - 2 * mean_a * mean_b + square_b  # E[(a − b')²], a and b' drawn independently
    kappa = np.where(by_chance > 1e-12, 1 - square / np.maximum(by_chance, 1e-12), np.nan)
    return {
        "accuracy": interval(found.accuracy, exact),
        "within_one": interval(found.within_one, near),
        "mae": interval(found.mae, distance),
        "kappa": interval(found.kappa, kappa),
    }


def _both(predicted: ArrayLike, human: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """(levels of the rows that both have, twice; which rows those are)."""
    a, b = np.asarray(predicted, dtype=np.int64), np.asarray(human, dtype=np.int64)
    if a.shape != b.shape or a.ndim != 1:
        raise DataError(f"Two arrays [n] of levels are needed; these have {a.shape} and {b.shape}.", code="shape")
    both = (a != ABSENT) & (b != ABSENT)
    return a[both], b[both], both


def quadratic_kappa(a: NDArray[np.int64], b: NDArray[np.int64]) -> float | None:
    """Compute Cohen's kappa with quadratic weights; None for one same constant.

    That is 1 − E[(a−b)²] / E[(a−b')²] with a and b' drawn independently (Cohen 1968).
    """
    expected = float(a.var() + b.var() + (a.mean() - b.mean()) ** 2)
    if expected <= 0:
        return None
    return 1.0 - float(((a - b) ** 2).mean()) / expected
