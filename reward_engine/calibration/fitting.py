"""Judgments → a calibration, one question at a time.

Platt scaling (Platt 1999): P' = σ(a · logit P + b), with a > 0, so that the order of items stays. Temperature
scaling (Guo, Pleiss, Sun & Weinberger 2017) is the same with b = 0 and temperature 1/a. Both are fitted by
maximum likelihood with a weak pull toward "leave it as it is", (a − 1)² + b², worth about one answer: it
decides where the answers do not, and is drowned by a few dozen.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from reward_engine.calibration.model import CLIP, Calibration, Method, QuestionCalibration, check_answers, transform
from reward_engine.calibration.reliability import reliability
from reward_engine.checklist import Checklist
from reward_engine.errors import DataError
from reward_engine.groups import group_folds, group_numbers
from reward_engine.ladders import check_probabilities

SMALLEST_SLOPE, LARGEST_SLOPE, LARGEST_OFFSET = 0.02, 50.0, 20.0
FEW_ANSWERS = 100


def fit_calibration(
    checklist: Checklist,
    p_yes: ArrayLike,
    answers: ArrayLike,
    groups: ArrayLike,
    *,
    method: Method = "platt",
    min_answers: int = 20,
    min_of_each: int = 5,
    folds: int = 5,
    prior: float = 1.0,
    seed: int = 0,
) -> Calibration:
    """Fit each question on judgments that the judge has *not* been trained on.

    Questions with fewer than ``min_answers`` answers, or fewer than ``min_of_each`` of yes or of no, stay as they are.

    Args:
        p_yes: float [n, q].
        answers: int [n, q] in {−1, 0, +1}, 0 left out.
        groups: [n], the prompt of each row, numbers or texts; the values "after" are measured on prompts a fit has not
            seen.
        prior: The strength of the pull toward the identity.

    Raises:
        DataError: Shapes or values do not fit.
    """
    p = check_probabilities(checklist, p_yes)
    truth = check_answers(checklist, answers, len(p))
    group = group_numbers(groups, len(p))
    if method not in ("platt", "temperature"):
        raise DataError(f"The method is platt or temperature, not “{method}”.", code="options")
    if folds < 2 or min_of_each < 1 or prior < 0:
        raise DataError("At least two folds, one answer of each kind and a prior from 0 on are needed.", code="options")
    slope, offset = np.ones(p.shape[1]), np.zeros(p.shape[1])
    fitted = np.array([_enough(truth[:, q], min_answers, min_of_each) for q in range(p.shape[1])], dtype=bool)
    for q in np.flatnonzero(fitted):
        slope[q], offset[q] = _fit(p[:, q], truth[:, q], method, prior)
    unseen = _cross_fitted(p, truth, group, fitted, method, prior, folds, min_of_each, seed)
    questions = tuple(
        _question(question.id, p[:, q], truth[:, q], unseen[:, q], slope[q], offset[q], bool(fitted[q]))
        for q, question in enumerate(checklist.questions)
    )
    known = np.where(np.isnan(unseen), 0, truth)
    before, after = reliability(p, truth), reliability(np.nan_to_num(unseen), known)
    complete = after.n == before.n
    return Calibration(
        checklist_hash=checklist.content_hash,
        method=method,
        questions=questions,
        log_loss_before=before.log_loss,
        log_loss_after=after.log_loss if complete else None,
        ece_before=before.ece,
        ece_after=after.ece if complete else None,
        warnings=_warnings(questions, fitted, int(group.max(initial=-1)) + 1),
    )


def cross_calibrated(
    checklist: Checklist,
    p_yes: ArrayLike,
    answers: ArrayLike,
    groups: ArrayLike,
    *,
    method: Method = "platt",
    min_answers: int = 20,
    min_of_each: int = 5,
    folds: int = 5,
    prior: float = 1.0,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Calibrate each row by a fit that has not seen its prompt.

    Takes and returns P(yes) float64 [n, q]; NaN where there is one prompt only. The "after" values of
    :func:`fit_calibration` are measured on these; they also serve diagrams and further fits.

    The arguments are those of :func:`fit_calibration`.

    Raises:
        DataError: Shapes or values do not fit.
    """
    p = check_probabilities(checklist, p_yes)
    truth = check_answers(checklist, answers, len(p))
    group = group_numbers(groups, len(p))
    fitted = np.array([_enough(truth[:, q], min_answers, min_of_each) for q in range(p.shape[1])], dtype=bool)
    return _cross_fitted(p, truth, group, fitted, method, prior, folds, min_of_each, seed)


def _enough(truth: NDArray[np.int8], min_answers: int, min_of_each: int) -> bool:
    yes, no = int((truth > 0).sum()), int((truth < 0).sum())
    return yes + no >= min_answers and min(yes, no) >= min_of_each


def _fit(p: NDArray[np.float64], truth: NDArray[np.int8], method: Method, prior: float) -> tuple[float, float]:
    """(slope, offset) of one question."""
    from scipy.optimize import minimize  # whoever only applies a calibration need not wait for it

    known = truth != 0
    odds = logit(np.clip(p[known], CLIP, 1.0 - CLIP))
    yes = (truth[known] > 0).astype(np.float64)

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        slope, offset = parameters
        z = slope * odds + offset
        pull = np.array([slope - 1.0, offset])
        value = (np.logaddexp(0.0, z) - yes * z).sum() + 0.5 * prior * (pull @ pull)
        wrong = expit(z) - yes
        return float(value), np.array([wrong @ odds, wrong.sum()]) + prior * pull

    free = LARGEST_OFFSET if method == "platt" else 0.0
    found = minimize(
        loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(SMALLEST_SLOPE, LARGEST_SLOPE), (-free, free)]
    )
    return float(found.x[0]), float(found.x[1])


def _cross_fitted(
    p: NDArray[np.float64],
    truth: NDArray[np.int8],
    group: NDArray[np.int64],
    fitted: NDArray[np.bool_],
    method: Method,
    prior: float,
    folds: int,
    min_of_each: int,
    seed: int,
) -> NDArray[np.float64]:
    """P(yes) [n, q] as fits on the other prompts calibrate it; NaN where there are no others to fit on.

    A question that is left as it is keeps its P(yes).
    """
    found = np.where(fitted, np.nan, p)
    if len(np.unique(group)) < 2:
        return cast("NDArray[np.float64]", found)
    for held_out in group_folds(group, folds, seed):
        for q in np.flatnonzero(fitted):
            rest = truth[~held_out, q]
            if _enough(rest, 1, min_of_each):
                slope, offset = _fit(p[~held_out, q], rest, method, prior)
                column = transform(p[held_out, q, None], np.array([slope]), np.array([offset]))
            else:
                column = p[held_out, q, None]
            found[held_out, q] = column[:, 0]
    return cast("NDArray[np.float64]", found)


def _question(
    id: str,
    p: NDArray[np.float64],
    truth: NDArray[np.int8],
    unseen: NDArray[np.float64],
    slope: float,
    offset: float,
    fitted: bool,
) -> QuestionCalibration:
    before = reliability(p, truth)
    after = None if np.isnan(unseen).any() else reliability(unseen, truth)
    yes = int((truth > 0).sum())
    note = "" if fitted else f"left as it is: {before.n} answers, {yes} yes and {before.n - yes} no, are too few"
    return QuestionCalibration(
        question=id,
        slope=float(slope),
        offset=float(offset),
        n=before.n,
        n_yes=yes,
        log_loss_before=before.log_loss,
        log_loss_after=after.log_loss if after else None,
        ece_before=before.ece,
        ece_after=after.ece if after else None,
        note=note,
    )


def _warnings(questions: tuple[QuestionCalibration, ...], fitted: NDArray[np.bool_], prompts: int) -> tuple[str, ...]:
    found = []
    left = [question.question for question, done in zip(questions, fitted, strict=True) if not done]
    if left:
        has, stays = ("has", "stays as it is") if len(left) == 1 else ("have", "stay as they are")
        found.append(f"{len(left)} of {len(questions)} questions {has} too few answers and {stays}: {_list(left)}.")
    few = [
        question.question for question, done in zip(questions, fitted, strict=True) if done and question.n < FEW_ANSWERS
    ]
    if few:
        which = "1 question was" if len(few) == 1 else f"{len(few)} questions were"
        found.append(f"{which} fitted on fewer than {FEW_ANSWERS} answers: {_list(few)}.")
    if prompts < 2:
        found.append("All rows are of one prompt, so the calibration could not be measured on prompts it has not seen.")
    worse = [
        question.question
        for question in questions
        if question.log_loss_after is not None
        and question.log_loss_before is not None
        and question.log_loss_after > question.log_loss_before + 1e-9
    ]
    if worse:
        found.append(f"On prompts it has not seen, the calibration does not help these questions: {_list(worse)}.")
    return tuple(found)


def _list(ids: list[str]) -> str:
    return ", ".join(ids[:6]) + (f" and {len(ids) - 6} more" if len(ids) > 6 else "")
