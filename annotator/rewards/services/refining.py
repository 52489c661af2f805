"""What comes after the heads: calibration on held-out judgments, and weights from what people preferred."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.campaigns.models import Campaign
from annotator.campaigns.queries import preferences
from annotator.core.errors import ProblemError
from reward_engine.answers import to_answers
from reward_engine.calibration import (
    Calibration,
    QuestionCalibration,
    cross_calibrated,
    fit_calibration,
    reliability,
)
from reward_engine.checklist import Checklist
from reward_engine.comparisons import Comparisons
from reward_engine.errors import RewardEngineError
from reward_engine.reward import soft_values
from reward_engine.weights import Weights

# Prompts are drawn anew so often for the intervals of the weights.
RESAMPLES = 200


@dataclass(frozen=True)
class Calibrated:
    """``calibration``: of the questions it helps on prompts it has not seen; the others stay as they are. None where it
    helps none.

    ``p_yes`` float32 [n, q]: the held-out rows as fits that had not seen their prompt calibrate them. ``report``:
    plain data for the manifest.
    """

    calibration: Calibration | None
    p_yes: NDArray[np.float32]
    report: dict[str, Any]


def calibrate(
    checklist: Checklist, p_yes: NDArray[Any], levels: NDArray[np.int8], prompts: NDArray[np.int64], seed: int
) -> Calibrated:
    """Fit a calibration on held-out predictions [n, q] and what people say [n, s] of the same items."""
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
    note = question.note or "left as it is: calibrated, it is no better on prompts it has not seen"
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


def require_preferences(campaigns: Iterable[Campaign], media_type: str) -> None:
    """Raises ProblemError where no weights can be fitted on what people preferred in these campaigns."""
    campaigns = list(campaigns)
    for campaign in campaigns:
        if campaign.media_type != media_type:
            raise ProblemError(
                f"“{campaign.name}” compares {campaign.media_type}s, and the model is for {media_type}s.",
                code="media_type",
            )
    said = preferences(campaigns)
    if not (said.preferred != 0).any():
        raise ProblemError(
            "Nobody has preferred one item to another in these campaigns yet. Collect comparisons first, or train with "
            "equal weights.",
            code="no_preferences",
        )
    if len(np.unique(said.prompts)) < 2:
        raise ProblemError(
            "All comparisons are of one prompt, so that weights fitted on them could not be checked on another. "
            "Compare items of more prompts.",
            code="one_prompt",
        )


def fit_on_comparisons(
    checklist: Checklist,
    campaigns: Sequence[Campaign],
    p_yes_of: Callable[[NDArray[np.int64]], tuple[NDArray[np.int64], NDArray[Any]]],
    seed: int,
) -> tuple[Weights, dict[str, Any]]:
    """(weights that order items as people do, plain data for the manifest).

    ``p_yes_of``: (the items that can be read, their P(yes) [n, q]) of items asked for. Raises ProblemError where
    nothing can be learnt.
    """
    from reward_engine.preferences import fit_weights  # slow to import, and only this job needs it

    said = preferences(campaigns)
    items, p_yes = p_yes_of(np.unique([said.left, said.right]))
    known = np.isin(said.left, items) & np.isin(said.right, items)
    order = np.argsort(items)
    items, p_yes = items[order], p_yes[order]
    try:
        pairs = Comparisons.of(
            np.searchsorted(items, said.left[known]),
            np.searchsorted(items, said.right[known]),
            said.preferred[known],
            said.prompts[known],
            items=len(items),
        )
        found = fit_weights(checklist, soft_values(p_yes, checklist), pairs, resamples=RESAMPLES, seed=seed)
    except RewardEngineError as error:
        raise ProblemError(f"No weights could be fitted. {error.message}", code=error.code) from error
    if not np.any(found.weights.coef):
        raise ProblemError(
            "No weights could be fitted: every weight came out as 0, since nothing this judge says goes with what "
            "people preferred. Train without comparisons, or collect comparisons on which people agree.",
            code="zero_weights",
        )
    report = found.to_json(checklist)
    del report["weights"]  # they stand in the manifest as the version's own
    return found.weights, {
        "campaigns": [{"id": campaign.pk, "name": campaign.name} for campaign in campaigns],
        "left_out": int((~known).sum()),
        "people": len(np.unique(said.annotators)),
        **report,
    }
