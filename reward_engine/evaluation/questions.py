"""How often the judge's answers are people's answers, question by question."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.checklist import Checklist
from reward_engine.errors import DataError
from reward_engine.evaluation.bootstrap import TIMES, Interval, interval, of_counts
from reward_engine.ladders import check_probabilities


@dataclass(frozen=True)
class QuestionAgreement:
    """How well a judge answers one question.

    ``n`` answers of people, ``n_yes`` of them yes; the judge says yes from P(yes) = threshold on.

    ``balanced_accuracy``: the mean of the shares of yes and of no that were found; ``f1`` of yes; ``kappa``: Cohen's.
    None where it cannot be said: no answers, or all of one kind.
    """

    n: int
    n_yes: int
    accuracy: float | None
    balanced_accuracy: float | None
    f1: float | None
    kappa: float | None


FIGURES = ("accuracy", "balanced_accuracy", "f1", "kappa")


def question_agreement(
    checklist: Checklist, p_yes: ArrayLike, answers: ArrayLike, *, threshold: float = 0.5
) -> dict[str, QuestionAgreement]:
    """Measure a judge's answers, one entry per question in checklist order. ``p_yes`` float [n, q]; ``answers`` int [n,
    q], 0 left out.

    Raises:
        DataError: Shapes or values do not fit.
    """
    counts = _confusion(checklist, p_yes, answers, threshold).sum(axis=0)
    values = {
        name: [None if np.isnan(value) else float(value) for value in of] for name, of in _figures(counts).items()
    }
    return {
        question.id: QuestionAgreement(
            n=int(counts[q].sum()),
            n_yes=int(counts[q, 0] + counts[q, 3]),
            accuracy=values["accuracy"][q],
            balanced_accuracy=values["balanced_accuracy"][q],
            f1=values["f1"][q],
            kappa=values["kappa"][q],
        )
        for q, question in enumerate(checklist.questions)
    }


def question_intervals(
    checklist: Checklist,
    p_yes: ArrayLike,
    answers: ArrayLike,
    prompts: ArrayLike,
    *,
    threshold: float = 0.5,
    times: int = TIMES,
    seed: int = 0,
) -> dict[str, dict[str, Interval | None]]:
    """Compute intervals as ``{question: {figure: interval}}``; needs at least one row."""
    outcomes = _confusion(checklist, p_yes, answers, threshold)
    found = _figures(outcomes.sum(axis=0))
    drawn = _figures(of_counts(outcomes, prompts, times=times, seed=seed))
    return {
        question.id: {name: interval(float(found[name][q]), drawn[name][:, q]) for name in FIGURES}
        for q, question in enumerate(checklist.questions)
    }


def overall(agreements: dict[str, QuestionAgreement]) -> dict[str, float | None]:
    """Average each figure over the questions that have it.

    Each question counts the same, so that rare answers are not drowned.
    """
    found: dict[str, float | None] = {}
    for name in FIGURES:
        known = [value for one in agreements.values() if (value := getattr(one, name)) is not None]
        found[name] = float(np.mean(known)) if known else None
    return found


def _confusion(checklist: Checklist, p_yes: ArrayLike, answers: ArrayLike, threshold: float) -> NDArray[np.int64]:
    """Each answer as int64 [n, q, 4], at most one of them 1: true yes, false yes, true no, false no."""
    p, truth = check_probabilities(checklist, p_yes), np.asarray(answers)
    if truth.shape != p.shape:
        raise DataError(f"One answer for each P(yes) is needed; the shapes are {truth.shape} and {p.shape}.")
    if not np.isin(truth, (-1, 0, 1)).all():
        raise DataError("Answers are −1 (no), 0 (left out) and 1 (yes).", code="not_an_answer")
    said, yes, no = p >= threshold, truth > 0, truth < 0
    return np.stack([said & yes, said & no, ~said & no, ~said & yes], axis=-1).astype(np.int64)


def _figures(counts: NDArray[np.int64] | NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """The figures [...] of counts [..., 4] as :func:`_confusion` orders them; NaN where one cannot be said."""
    tp, fp, tn, fn = (counts[..., index].astype(np.float64) for index in range(4))
    n = tp + fp + tn + fn
    with np.errstate(divide="ignore", invalid="ignore"):
        accuracy = (tp + tn) / n
        by_chance = ((tp + fp) * (tp + fn) + (tn + fn) * (tn + fp)) / n**2
        return {
            "accuracy": accuracy,
            "balanced_accuracy": (tp / (tp + fn) + tn / (tn + fp)) / 2,
            "f1": 2 * tp / (2 * tp + fp + fn),
            "kappa": np.where(by_chance < 1, (accuracy - by_chance) / (1 - by_chance), np.nan),
        }
