"""How a score orders pairs, against people, ties included: the published ``diff`` and ``tau``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.errors import DataError
from reward_engine.evaluation.bootstrap import TIMES, Interval, interval, of_counts, ratio
from reward_engine.groups import group_numbers, resampled_weights


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
    """Measure how often a score prefers what people prefer.

    Without ``epsilon`` it takes the one that makes ``tau`` largest on these pairs, the smallest of several (tie
    calibration; Deutsch, Foster & Freitag 2023, “Ties Matter”). Pass the one found on other pairs to measure without
    that fitting.

    Args:
        gaps: float [m], score of A minus score of B.
        human: int [m], +1 A is better, 0 tie, −1 B is better.
    """
    gap, truth = check_pairs(gaps, human)
    if epsilon is not None and not epsilon >= 0:
        raise DataError(f"The tie threshold must be at least 0; it is {epsilon}.", code="range")
    if not len(gap):
        return PreferenceAccuracy(0, 0, None, None, epsilon, 0)
    chosen = calibrate_ties(gap, truth) if epsilon is None else float(epsilon)
    strict, ordered = truth != 0, right_order(gap, truth)
    right = np.where(np.abs(gap) <= chosen, ~strict, ordered)
    return PreferenceAccuracy(
        n=len(gap),
        n_strict=int(strict.sum()),
        diff=float(ordered.sum() / strict.sum()) if strict.any() else None,
        tau=float(right.mean()),
        epsilon=chosen,
        score_ties=int((gap == 0).sum()),
    )


@dataclass(frozen=True)
class PreferenceIntervals:
    """Intervals of ``diff`` and ``tau``; None where they cannot be said."""

    diff: Interval | None
    tau: Interval | None


def preference_intervals(
    gaps: ArrayLike,
    human: ArrayLike,
    prompts: ArrayLike,
    *,
    epsilon: float | None = None,
    times: int = TIMES,
    seed: int = 0,
) -> PreferenceIntervals:
    """Compute intervals from ``times`` resamples of prompts. Without ``epsilon``, it is calibrated anew in each of
    them.
    """
    gap, truth = check_pairs(gaps, human)
    found = preference_accuracy(gap, truth, epsilon=epsilon)
    if not len(gap):
        return PreferenceIntervals(None, None)
    group = group_numbers(prompts, len(gap))
    strict, ordered = truth != 0, right_order(gap, truth)
    right = np.where(np.abs(gap) <= (found.epsilon or 0.0), ~strict, ordered)
    counts = np.stack([ordered, strict, right, np.ones(len(gap))], axis=1)
    drawn = of_counts(counts, group, times=times, seed=seed)
    taus = drawn[:, 2] / drawn[:, 3] if epsilon is not None else _calibrated_taus(gap, truth, group, times, seed)
    return PreferenceIntervals(interval(found.diff, ratio(drawn[:, 0], drawn[:, 1])), interval(found.tau, taus))


def check_pairs(gaps: ArrayLike, human: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Check gaps float64 [m] and human answers int8 [m], and return them.

    Raises:
        DataError: Shapes or values do not fit.
    """
    gap, truth = np.asarray(gaps, dtype=np.float64), np.asarray(human)
    if gap.ndim != 1 or gap.shape != truth.shape:
        raise DataError(
            f"One gap and one human answer a pair are needed; these have {gap.shape} and {truth.shape}.", code="shape"
        )
    if not np.isfinite(gap).all() or not np.isin(truth, (-1, 0, 1)).all():
        raise DataError("Gaps must be finite and human answers −1, 0 or 1.", code="range")
    return gap, truth.astype(np.int8)


def right_order(gap: NDArray[np.float64], truth: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Mark the pairs that the score orders like people.

    Returns bool [m], for pairs with a human preference only; equal scores order nothing.
    """
    ordered: NDArray[np.bool_] = (truth != 0) & (np.sign(gap) == truth)
    return ordered


def calibrate_ties(gaps: ArrayLike, human: ArrayLike) -> float:
    """Find the margin within which a tie is said best.

    Returns the smallest ε ≥ 0 for which "a tie where |gap| ≤ ε" is right most often; the arguments are as above, m ≥ 1.
    Accuracy changes only at the gaps themselves, so one sort and two running sums try all of them.
    """
    crossing = _Crossings(*check_pairs(gaps, human))
    gains = np.cumsum(crossing.change)[crossing.last]
    epsilons = crossing.epsilons
    if epsilons[0] > 0:
        epsilons, gains = np.append(0.0, epsilons), np.append(0, gains)
    return float(epsilons[np.argmax(gains)])


class _Crossings:
    """The pairs in the order in which a growing ε crosses them.

    ``epsilons``: distinct |gap|; ``last`` bool [m]: where each of them ends; ``change`` int [m]: what crossing
    adds to the number of right predictions: a pair gained where the human said tie, lost where the order was right.
    """

    def __init__(self, gap: NDArray[np.float64], truth: NDArray[np.int8]) -> None:
        size = np.abs(gap)
        self.order = np.argsort(size, kind="stable")
        size = size[self.order]
        self.last = np.append(size[1:] > size[:-1], True)  # equal gaps are crossed together
        self.epsilons = size[self.last]
        self.change = ((truth == 0).astype(np.int64) - right_order(gap, truth))[self.order]


def _calibrated_taus(
    gap: NDArray[np.float64], truth: NDArray[np.int8], group: NDArray[np.int64], times: int, seed: int
) -> NDArray[np.float64]:
    """tau float64 [times] over resamples of prompts, each with the ε that is best for it."""
    crossing, ordered = _Crossings(gap, truth), right_order(gap, truth)
    weights = resampled_weights(int(group.max()) + 1, times, seed)
    found = np.empty(times)
    block = max(1, 2_000_000 // len(gap))  # resamples at once, so that memory stays small
    for start in range(0, times, block):
        drawn = weights[start : start + block][:, group]
        gains = np.cumsum(drawn[:, crossing.order] * crossing.change, axis=1)[:, crossing.last].max(axis=1)
        if crossing.epsilons[0] > 0:
            gains = np.maximum(gains, 0.0)  # ε = 0 crosses nothing
        found[start : start + block] = (drawn @ ordered + gains) / drawn.sum(axis=1)
    return found
