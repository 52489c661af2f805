"""Calibration of P(yes) on held-out judgments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_engine.answers import to_answers
from reward_engine.calibration import (
    Calibration,
    QuestionCalibration,
    cross_calibrated,
    fit_calibration,
    reliability,
)
from reward_engine.checklist import Checklist


@dataclass(frozen=True)
class Calibrated:
    """A calibration and what it is worth.

    ``calibration`` covers the questions that it helps on prompts it has not seen; the others stay as they are. It is
    None where it helps none.

    ``p_yes`` float32 [n, q] are the held-out rows, calibrated by fits that had not seen their prompt. ``report`` is
    plain data for the manifest.
    """

    calibration: Calibration | None
    p_yes: NDArray[np.float32]
    report: dict[str, Any]


def calibrate(
    checklist: Checklist, p_yes: NDArray[Any], levels: NDArray[np.int8], prompts: NDArray[np.int64], seed: int
) -> Calibrated:
    """Fit a calibration on held-out predictions and people's levels.

    The predictions are [n, q], and the levels of the same items [n, s].
    """
    answers = to_answers(checklist, levels)
    found = fit_calibration(checklist, p_yes, answers, prompts, seed=seed)
    unseen = cross_calibrated(checklist, p_yes, answers, prompts, seed=seed)
    helps = np.array([_helps(question) for question in found.questions], dtype=bool)
    kept = tuple(q if good else _left_alone(q) for q, good in zip(found.questions, helps, strict=True))
    used = np.where(helps, unseen, p_yes)
    before, after = reliability(p_yes, answers), reliability(used, answers)
    applied = bool(helps.any())
    calibration = replace(
        found, questions=kept, log_loss_after=after.log_loss, ece_after=after.ece, warnings=tuple(_said(found))
    )
    report = {
        "applied": applied,
        "method": found.method,
        "questions": int(helps.sum()),
        "log_loss_before": before.log_loss,
        "log_loss_after": after.log_loss,
        "ece_before": before.ece,
        "ece_after": after.ece,
        "warnings": list(calibration.warnings),
    }
    return Calibrated(calibration if applied else None, used.astype(np.float32), report)


def _helps(question: QuestionCalibration) -> bool:
    before, after = question.log_loss_before, question.log_loss_after
    return not question.is_identity and before is not None and after is not None and after < before


def _left_alone(question: QuestionCalibration) -> QuestionCalibration:
    note = question.note or "unchanged: calibration does not help on unseen prompts"
    return replace(
        question,
        slope=1.0,
        offset=0.0,
        log_loss_after=question.log_loss_before,
        ece_after=question.ece_before,
        note=note,
    )


def _said(found: Calibration) -> list[str]:
    """The engine's warnings but the one about questions that are left alone here."""
    return [warning for warning in found.warnings if not warning.startswith("On prompts it has not seen")]
