"""How well levels and preferences agree: model with human, human with human.

Levels are int8 with :data:`reward_engine.answers.ABSENT` where nothing was judged. What cannot be said
(no pairs, no spread) is None, never NaN, so that results go into JSON and onto pages as they are.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import krippendorff
import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.answers import ABSENT
from reward_engine.checklist import Checklist, SubDimension
from reward_engine.errors import DataError


def expected_levels(checklist: Checklist, p_yes: ArrayLike) -> NDArray[np.float64]:
    """The mean level of each ladder under P(yes): float64 [n, s] from [n, q].

    The levels of a ladder are 1 apart, so that the mean is the lowest level plus the sum of the P(yes).
    Behind a presence question it is the lowest level ("there is none") with the probability of a no.
    """
    p = _probabilities(checklist, p_yes)
    levels = np.empty((len(p), len(checklist.ordinal)))
    for column, sub in enumerate(checklist.ordinal):
        gate, ladder = _ladder(checklist, sub, p)
        steps = ladder.sum(axis=1)
        levels[:, column] = sub.lowest + (steps if gate is None else gate * (1.0 + steps))
    return levels


def most_likely_levels(checklist: Checklist, p_yes: ArrayLike) -> NDArray[np.int8]:
    """The likeliest level of each ladder: int8 [n, s] from P(yes) [n, q].

    Where a presence question is likelier no than yes, the lowest level; else the likeliest of the others.
    The levels of owners and dependents therefore never contradict each other. Ladders that are not
    monotone (a judge may answer questions one by one) are lowered to monotone ones first.
    """
    p = _probabilities(checklist, p_yes)
    levels = np.empty((len(p), len(checklist.ordinal)), dtype=np.int8)
    for column, sub in enumerate(checklist.ordinal):
        gate, ladder = _ladder(checklist, sub, p)
        if gate is None and sub.owns_presence:  # a plain ladder whose first step decides over another ladder
            gate, first = ladder[:, 0], np.maximum(ladder[:, :1], 1e-12)
            ladder = np.minimum(ladder[:, 1:] / first, 1.0)
        mode = np.argmax(level_probabilities(ladder), axis=1)
        level = sub.lowest + mode if gate is None else np.where(gate >= 0.5, sub.lowest + 1 + mode, sub.lowest)
        levels[:, column] = level
    return levels


def level_probabilities(ladder: ArrayLike) -> NDArray[np.float64]:
    """P(level) float64 [n, k + 1] from the P(yes) of a ladder's k questions [n, k]."""
    above = np.minimum.accumulate(np.asarray(ladder, dtype=np.float64), axis=1)
    ones = np.ones((len(above), 1))
    return np.asarray(np.hstack([ones, above]) - np.hstack([above, 0 * ones]))


def _ladder(
    checklist: Checklist, sub: SubDimension, p: NDArray[np.float64]
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64]]:
    """(P(present) [n] or None, P(yes) [n, k] of the questions behind it)."""
    ladder = p[:, [checklist.question_index(question.id) for question in sub.questions]]
    if sub.mask is None:
        return None, ladder
    if sub.mask.owner == sub.id:
        ladder = ladder[:, 1:]
    return p[:, checklist.question_index(sub.mask.question)], ladder


def _probabilities(checklist: Checklist, p_yes: ArrayLike) -> NDArray[np.float64]:
    p = np.asarray(p_yes, dtype=np.float64)
    if p.ndim != 2 or p.shape[1] != len(checklist.questions):
        raise DataError(
            f"P(yes) must have the shape [n, {len(checklist.questions)}] for “{checklist.name}”; "
            f"this array has {p.shape}.",
            code="shape",
        )
    if not ((p >= 0) & (p <= 1)).all():
        raise DataError("P(yes) must lie in [0, 1] everywhere.", code="range")
    return p


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
    """Agreement of people among each other on one sub-dimension; ``levels`` int [annotators, items]."""
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
