"""How a score orders pairs, against people, ties included: the published ``diff`` and ``tau``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from reward_engine.errors import DataError


@dataclass(frozen=True)
class PreferenceAccuracy:
    """How a score orders pairs, against people.

    ``diff``: share of the ``n_strict`` pairs without a human tie that the score orders like the human; equal
    scores are not ordered. ``tau``: share of all ``n`` pairs predicted right when gaps of at most
    ``epsilon`` are predicted ties. ``score_ties``: pairs with equal scores.
    """

    n: int
    n_strict: int
    diff: float | None
    tau: float | None
    epsilon: float | None
    score_ties: int


def preference_accuracy(gaps: ArrayLike, human: ArrayLike, *, epsilon: float | None = None) -> PreferenceAccuracy:
    """``gaps`` float [m]: score of A minus score of B; ``human`` int [m]: +1 A is better, 0 tie, −1 B is better.

    Without ``epsilon``, tie calibration: the smallest that makes ``tau`` largest on these pairs (Deutsch,
    Foster & Freitag 2023, “Ties Matter”). Pass the one found on other pairs to measure without that fitting.
    """
    gap, truth = np.asarray(gaps, dtype=np.float64), np.asarray(human)
    if gap.ndim != 1 or gap.shape != truth.shape:
        raise DataError(
            f"One gap and one human answer a pair are needed; these have {gap.shape} and {truth.shape}.", code="shape"
        )
    if not np.isfinite(gap).all() or not np.isin(truth, (-1, 0, 1)).all():
        raise DataError("Gaps must be finite and human answers −1, 0 or 1.", code="range")
    if epsilon is not None and not epsilon >= 0:
        raise DataError(f"The tie threshold must be at least 0; it is {epsilon}.", code="range")
    if not len(gap):
        return PreferenceAccuracy(0, 0, None, None, epsilon, 0)
    strict = truth != 0
    ordered = strict & (np.sign(gap) == truth)
    chosen = calibrate_ties(gap, truth) if epsilon is None else float(epsilon)
    tied = np.abs(gap) <= chosen
    right = np.where(tied, ~strict, ordered)
    return PreferenceAccuracy(
        n=len(gap),
        n_strict=int(strict.sum()),
        diff=float(ordered.sum() / strict.sum()) if strict.any() else None,
        tau=float(right.mean()),
        epsilon=chosen,
        score_ties=int((gap == 0).sum()),
    )


def calibrate_ties(gaps: ArrayLike, human: ArrayLike) -> float:
    """The smallest ε ≥ 0 for which "a tie where |gap| ≤ ε" is right most often; the arguments as above, m ≥ 1.

    Accuracy changes only at the gaps themselves, so one sort and two running sums try all of them.
    """
    gap, truth = np.asarray(gaps, dtype=np.float64), np.asarray(human)
    size = np.abs(gap)
    order = np.argsort(size, kind="stable")
    size = size[order]
    ordered = (truth != 0) & (np.sign(gap) == truth)
    # Widening ε over a pair gains it where the human said tie and loses it where the order was right.
    change = (truth == 0)[order].astype(np.int64) - ordered[order]
    last = np.append(size[1:] > size[:-1], True)  # equal gaps are crossed together
    epsilons, gains = size[last], np.cumsum(change)[last]
    if epsilons[0] > 0:
        epsilons, gains = np.append(0.0, epsilons), np.append(0, gains)
    return float(epsilons[np.argmax(gains)])
