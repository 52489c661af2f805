"""Judges compared on the same judged items: accuracy and log loss by sub-dimension, with intervals.

All judges are measured on the same rows and on the same resamples of prompts, so a difference is one of the judges,
not of what they were measured on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.answers import ABSENT, check_levels, to_answers
from reward_engine.checklist import Checklist
from reward_engine.errors import DataError
from reward_engine.evaluation.bootstrap import TIMES, Interval, interval, of_counts, of_rows, ratio
from reward_engine.evaluation.ranking import rank_correlation
from reward_engine.groups import group_numbers
from reward_engine.ladders import check_probabilities, expected_levels, most_likely_levels

Floats = NDArray[np.float64]
RANK_TIMES = 100
"""Resamples for the rank correlation, which has to be computed anew for each."""
EPSILON = 1e-7
"""P(yes) is kept so far from 0 and 1, so that one sure mistake does not cost infinitely much."""


@dataclass(frozen=True)
class JudgeFigures:
    """Figures of one judge; None where one cannot be said.

    ``accuracy`` of the likeliest level, 0..1; ``log_loss`` in nats a question that applies; ``kappa``: Cohen's,
    quadratic weights; ``spearman`` of the expected level, overall only, where ranks were asked for.
    ``accuracy_difference``, ``log_loss_difference``: minus the reference's, on the same resamples.
    """

    accuracy: Interval | None
    log_loss: Interval | None
    kappa: Interval | None
    spearman: Interval | None
    accuracy_difference: Interval | None
    log_loss_difference: Interval | None


@dataclass(frozen=True)
class LevelComparison:
    """``n``: sub-dimension → items with a level; ``sub_dimensions``: sub-dimension → judge → figures.

    ``overall``: judge → means over the sub-dimensions with items. ``answers``: questions that apply, over all items.
    """

    items: int
    prompts: int
    answers: int
    n: dict[str, int]
    sub_dimensions: dict[str, dict[str, JudgeFigures]]
    overall: dict[str, JudgeFigures]


def compare_levels(
    checklist: Checklist,
    p_yes: Mapping[str, ArrayLike],
    levels: ArrayLike,
    prompts: ArrayLike,
    *,
    reference: str,
    ranks: bool = False,
    times: int = TIMES,
    seed: int = 0,
) -> LevelComparison:
    """Compare judges with people on the same items.

    Args:
        p_yes: Judge → float [n, q].
        levels: int8 [n, s] of people, ABSENT where there is none.
        prompts: [n], whose rows are drawn together.
        reference: The judge that the differences are to.
        ranks: Spearman's rank correlation as well, which takes longer.

    Raises:
        DataError: For shapes that do not fit or where people judged nothing.
    """
    truth = check_levels(checklist, levels)
    if reference not in p_yes:
        raise DataError(f"There is no judge named “{reference}” among {', '.join(p_yes)}.", code="reference")
    group = group_numbers(prompts, len(truth))
    answers = to_answers(checklist, truth)
    if not (truth != ABSENT).any():
        raise DataError("People have judged none of these items.", code="no_levels")
    tables: dict[str, _Table] = {}
    rho: dict[str, Interval | None] = {}
    for name, values in p_yes.items():
        p = check_probabilities(checklist, values)
        if len(p) != len(truth):
            raise DataError(f"{name}: {len(p)} rows, where people judged {len(truth)} items.", code="shape")
        counts = _counts(checklist, p, truth, answers)
        whole, drawn = _figures(counts.sum(axis=0)), _figures(of_counts(counts, group, times=times, seed=seed))
        tables[name] = _Table(_with_mean(whole), _with_mean(drawn))
        rho[name] = _spearman(checklist, p, truth, group, seed) if ranks else None
    measured = (truth != ABSENT).sum(axis=0)
    return LevelComparison(
        items=len(truth),
        prompts=len(np.unique(group)),
        answers=int((answers != 0).sum()),
        n={sub.id: int(measured[column]) for column, sub in enumerate(checklist.ordinal)},
        sub_dimensions={
            sub.id: {
                name: _judge_figures(tables[name], tables[reference], column, None, name == reference)
                for name in tables
            }
            for column, sub in enumerate(checklist.ordinal)
        },
        overall={
            name: _judge_figures(tables[name], tables[reference], -1, rho[name], name == reference) for name in tables
        },
    )


FIGURES = ("accuracy", "log_loss", "kappa")


@dataclass(frozen=True)
class _Table:
    """Figure → values [s + 1] of all rows and [times, s + 1] of the resamples; the last column is the mean."""

    whole: dict[str, Floats]
    drawn: dict[str, Floats]


def _counts(checklist: Checklist, p: Floats, truth: NDArray[np.int8], answers: NDArray[np.int8]) -> Floats:
    """What the figures are made of, each a sum over rows: float64 [n, s, 9]."""
    judged = truth != ABSENT
    said = np.where(judged, most_likely_levels(checklist, p), 0).astype(np.float64)
    true = np.where(judged, truth, 0).astype(np.float64)
    sure = np.clip(p, EPSILON, 1 - EPSILON)
    loss = np.where(answers == 0, 0.0, -np.log(np.where(answers > 0, sure, 1 - sure)))
    losses, asked = np.zeros(truth.shape), np.zeros(truth.shape)
    for column, sub in enumerate(checklist.ordinal):
        at = [checklist.question_index(question.id) for question in sub.questions]
        losses[:, column] = loss[:, at].sum(axis=1)
        asked[:, column] = (answers[:, at] != 0).sum(axis=1)
    right = judged & (said == true)
    moments = (judged, right, losses, asked, (said - true) ** 2, said, true, said**2, true**2)
    return np.stack([np.asarray(part, dtype=np.float64) for part in moments], axis=-1)


def _figures(sums: Floats) -> dict[str, Floats]:
    """The figures [..., s] of sums [..., s, 9]; NaN where one cannot be said."""
    n, right, losses, asked, square, said, true, said_square, true_square = np.moveaxis(sums, -1, 0)
    mean_said, mean_true = ratio(said, n), ratio(true, n)
    by_chance = ratio(said_square, n) - 2 * mean_said * mean_true + ratio(true_square, n)
    varied = np.where(by_chance > 1e-12, by_chance, np.nan)
    return {"accuracy": ratio(right, n), "log_loss": ratio(losses, asked), "kappa": 1 - ratio(square, n) / varied}


def _with_mean(figures: dict[str, Floats]) -> dict[str, Floats]:
    """Each figure with its mean over the sub-dimensions that have it as a last column."""
    return {name: np.concatenate([values, _mean(values)[..., None]], axis=-1) for name, values in figures.items()}


def _mean(values: Floats) -> Floats:
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1).astype(np.float64))


def _judge_figures(
    table: _Table, other: _Table, column: int, spearman: Interval | None, is_reference: bool
) -> JudgeFigures:
    def of(name: str, less: bool = False) -> Interval | None:
        if less and is_reference:
            return None
        value, drawn = table.whole[name][column], table.drawn[name][:, column]
        if less:
            value, drawn = value - other.whole[name][column], drawn - other.drawn[name][:, column]
        return interval(float(value), drawn)

    return JudgeFigures(
        of("accuracy"), of("log_loss"), of("kappa"), spearman, of("accuracy", True), of("log_loss", True)
    )


def _spearman(
    checklist: Checklist, p: Floats, truth: NDArray[np.int8], group: NDArray[np.int64], seed: int
) -> Interval | None:
    """The mean of Spearman's ρ over the sub-dimensions."""
    expected = expected_levels(checklist, p)
    human = np.where(truth == ABSENT, np.nan, truth.astype(np.float64))

    def mean(rows: NDArray[np.int64]) -> float | None:
        each = (rank_correlation(expected[rows, s], human[rows, s]).spearman for s in range(truth.shape[1]))
        known = [value for value in each if value is not None]
        return float(np.mean(known)) if known else None

    return of_rows(mean, group, times=RANK_TIMES, seed=seed)


def to_json(figures: JudgeFigures) -> dict[str, Any]:
    """Plain data: figure → {value, low, high} or None."""
    return {
        name: None if found is None else {"value": found.value, "low": found.low, "high": found.high}
        for name, found in vars(figures).items()
    }
