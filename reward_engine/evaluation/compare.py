"""Judges side by side on the same pairs, and whether their difference could be chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.answers import check_levels, harmonize, to_answers
from reward_engine.checklist import Checklist
from reward_engine.errors import DataError
from reward_engine.evaluation.bootstrap import TIMES, Interval, interval, of_counts, ratio
from reward_engine.evaluation.preferences import (
    PreferenceAccuracy,
    PreferenceIntervals,
    check_pairs,
    preference_accuracy,
    preference_intervals,
    right_order,
)
from reward_engine.evaluation.significance import holm
from reward_engine.groups import group_numbers
from reward_engine.ladders import monotone

FLIPS = 10_000
EXACT_UP_TO = 13
"""Prompts that differ, up to which all 2ⁿ exchanges are tried instead of random ones."""


@dataclass(frozen=True)
class Difference:
    """How far one judge is ahead of another.

    ``difference``: of ``first`` minus ``second``, in the share of strict pairs ordered (``diff``) or of answers given
    like people.

    ``p``: how often a difference as large comes about when each prompt's results are handed to the two judges by the
    toss of a coin (two-sided; a sign-flip test over prompts, since pairs of one prompt are not independent).
    ``p_adjusted``: Holm's correction for all the differences of one table. None without strict pairs.
    """

    first: str
    second: str
    difference: Interval | None
    p: float | None
    p_adjusted: float | None

    @property
    def is_significant(self) -> bool:
        return self.p_adjusted is not None and self.p_adjusted < 0.05


@dataclass(frozen=True)
class JudgeComparison:
    """How well judges order the same pairs.

    ``judges``: name → accuracy, best ``diff`` first; ``intervals`` of the same; ``differences`` of each two judges, the
    better one first.
    """

    judges: dict[str, PreferenceAccuracy]
    intervals: dict[str, PreferenceIntervals]
    differences: tuple[Difference, ...]


def compare_judges(
    gaps: Mapping[str, ArrayLike], human: ArrayLike, prompts: ArrayLike, *, times: int = TIMES, seed: int = 0
) -> JudgeComparison:
    """Compare judges by the pairs they order like people.

    Args:
        gaps: Judge → float [m], score of A minus score of B on the same pairs.
        human: int [m].
        prompts: [m].

    Raises:
        DataError: Naming the judge whose gaps do not fit.
    """
    checked: dict[str, NDArray[np.float64]] = {}
    truth = np.asarray(human)
    for name, values in gaps.items():
        try:
            checked[name], truth = check_pairs(values, human)
        except DataError as error:
            raise DataError(f"{name}: {error.message}", code=error.code) from error
    group = group_numbers(prompts, len(truth))
    judges = {name: preference_accuracy(gap, truth) for name, gap in checked.items()}
    order = sorted(judges, key=lambda name: -1.0 if (diff := judges[name].diff) is None else diff, reverse=True)
    raw = [
        _difference(first, second, checked[first], checked[second], truth, group, times, seed)
        for first, second in combinations(order, 2)
    ]
    intervals = {name: preference_intervals(checked[name], truth, group, times=times, seed=seed) for name in order}
    return JudgeComparison({name: judges[name] for name in order}, intervals, _holm(raw))


@dataclass(frozen=True)
class AnswerComparison:
    """How often judges answer like people.

    ``judges``: name → share of people's answers that it gives too, best first; ``differences`` of these shares.
    """

    judges: dict[str, float]
    differences: tuple[Difference, ...]


def compare_answers(
    checklist: Checklist,
    p_yes: Mapping[str, ArrayLike],
    levels: ArrayLike,
    prompts: ArrayLike,
    *,
    times: int = TIMES,
    seed: int = 0,
) -> AnswerComparison:
    """Compare judges by the answers they share with people.

    Every question that applies counts once.

    Args:
        p_yes: Judge → float [n, q] of the same items.
        levels: int8 [n, s] of people.
        prompts: [n].

    Raises:
        DataError: Also if there is no answer to compare with.
    """
    answers = to_answers(checklist, harmonize(checklist, check_levels(checklist, levels)))
    group, asked = group_numbers(prompts, len(answers)), answers != 0
    if not asked.any():
        raise DataError("People have answered no question about these items.", code="no_answers")
    right: dict[str, NDArray[np.int64]] = {}
    for name, p in p_yes.items():
        likely = monotone(checklist, p)
        if len(likely) != len(answers):
            raise DataError(f"{name}: {len(likely)} rows, where people judged {len(answers)} items.", code="shape")
        right[name] = ((likely > 0.5) == (answers > 0)).astype(np.int64) * asked
    count = asked.sum(axis=1)
    share = {name: float(its.sum() / count.sum()) for name, its in right.items()}
    order = sorted(share, key=lambda name: -share[name])
    found = []
    for first, second in combinations(order, 2):
        more = (right[first] - right[second]).sum(axis=1)
        drawn = of_counts(np.stack([more, count], axis=1), group, times=times, seed=seed)
        difference = interval(float(more.sum() / count.sum()), ratio(drawn[:, 0], drawn[:, 1]))
        totals = np.bincount(group, weights=more).astype(np.float64)
        found.append(Difference(first, second, difference, sign_flip_p(totals, seed=seed), None))
    return AnswerComparison({name: share[name] for name in order}, _holm(found))


def _difference(
    first: str,
    second: str,
    one: NDArray[np.float64],
    other: NDArray[np.float64],
    truth: NDArray[np.int8],
    group: NDArray[np.int64],
    times: int,
    seed: int,
) -> Difference:
    strict = truth != 0
    if not strict.any():
        return Difference(first, second, None, None, None)
    more = right_order(one, truth).astype(np.int64) - right_order(other, truth)
    drawn = of_counts(np.stack([more, strict], axis=1), group, times=times, seed=seed)
    found = interval(float(more.sum() / strict.sum()), ratio(drawn[:, 0], drawn[:, 1]))
    totals = np.bincount(group, weights=more).astype(np.float64)
    return Difference(first, second, found, sign_flip_p(totals, seed=seed), None)


def sign_flip_p(totals: NDArray[np.float64], *, flips: int = FLIPS, seed: int = 0) -> float:
    """Test whether a total differs from zero by flipping signs.

    Returns the two-sided p of Σ totals under random signs, one per prompt; exact for few prompts, at least 1/(flips +
    1) else.
    """
    totals = totals[totals != 0]
    observed = abs(float(totals.sum()))
    if not len(totals):
        return 1.0
    if len(totals) <= EXACT_UP_TO:
        bits = np.arange(2 ** len(totals))[:, None] >> np.arange(len(totals)) & 1
        return float((np.abs((2 * bits - 1) @ totals) >= observed - 1e-9).mean())
    rng = np.random.default_rng(seed)
    extreme, done = 0, 0
    while done < flips:
        count = min(1000, flips - done)
        signs = 2 * rng.integers(0, 2, (count, len(totals)), dtype=np.int8) - 1
        extreme += int((np.abs(signs @ totals) >= observed - 1e-9).sum())
        done += count
    return (extreme + 1) / (flips + 1)


def _holm(differences: list[Difference]) -> tuple[Difference, ...]:
    """Correct the p values of one table for their number."""
    corrected = holm([np.nan if one.p is None else one.p for one in differences])
    return tuple(
        one if one.p is None else replace(one, p_adjusted=float(p))
        for one, p in zip(differences, corrected, strict=True)
    )
