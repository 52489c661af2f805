"""A calibration of those questions that it helps on prompts it has not seen; the others stay as they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.calibration.fitting import cross_calibrated, fit_calibration
from reward_engine.calibration.model import Calibration, QuestionCalibration
from reward_engine.calibration.reliability import reliability
from reward_engine.checklist import Checklist

NOTE = "left as it is: calibrated, it is no better on prompts it has not seen"


def helpful_calibration(
    checklist: Checklist, p_yes: ArrayLike, answers: ArrayLike, groups: ArrayLike, *, seed: int = 0
) -> Calibration | None:
    """Calibrate only the questions that it helps.

    Fits as :func:`fit_calibration` does, and undoes every question whose log loss on unseen prompts does not fall.

    The arguments are those of :func:`fit_calibration`. None where it helps no question.

    Raises:
        DataError: Shapes or values do not fit.
    """
    found = fit_calibration(checklist, p_yes, answers, groups, seed=seed)
    helps = np.array([_helps(question) for question in found.questions], dtype=bool)
    if not helps.any():
        return None
    unseen = cross_calibrated(checklist, p_yes, answers, groups, seed=seed)
    truth = np.asarray(answers)
    used: NDArray[np.float64] = np.where(helps, unseen, np.asarray(p_yes, dtype=np.float64))
    after = reliability(used, truth)
    kept = tuple(q if good else _undone(q) for q, good in zip(found.questions, helps, strict=True))
    return replace(found, questions=kept, log_loss_after=after.log_loss, ece_after=after.ece)


def _helps(question: QuestionCalibration) -> bool:
    before, after = question.log_loss_before, question.log_loss_after
    return not question.is_identity and before is not None and after is not None and after < before


def _undone(question: QuestionCalibration) -> QuestionCalibration:
    before = {"log_loss_after": question.log_loss_before, "ece_after": question.ece_before}
    return replace(question, slope=1.0, offset=0.0, note=question.note or NOTE, **before)  # type: ignore[arg-type]
