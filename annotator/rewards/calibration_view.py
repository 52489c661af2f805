"""How far a version's P(yes) can be taken at its word, before and after calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from annotator.campaigns.checklists import checklist_of
from annotator.core.errors import ProblemError
from annotator.rewards.models import RewardModel
from annotator.rewards.services.artifacts import read_held_out
from reward_engine.answers import to_answers
from reward_engine.calibration import Reliability, reliability

BINS = 10


@dataclass(frozen=True)
class QuestionRow:
    """One question: what its log odds are divided by, then moved by; its expected calibration error, 0..1; whether it
    is ``left`` as it is, for too ``few`` answers or for no gain."""

    text: str
    n: int
    temperature: float
    offset: float
    ece_before: float | None
    ece_after: float | None
    left: bool
    few: bool


@dataclass(frozen=True)
class CalibrationView:
    """``before``, ``after``: reliability on held-out prompts, as the heads say it and as it is used.

    ``applied``: whether it helps on prompts it has not seen; else P(yes) is used as it is, and ``after`` is None.
    """

    applied: bool
    method: str
    before: Reliability
    after: Reliability | None
    questions: tuple[QuestionRow, ...]
    warnings: tuple[str, ...]

    @property
    def helped(self) -> int:
        return sum(not row.left for row in self.questions)

    @property
    def shown(self) -> Reliability:
        """As P(yes) is used."""
        return self.after or self.before


def calibration_of(model: RewardModel) -> CalibrationView | None:
    """None for a version made before there was any, or whose held-out predictions cannot be read."""
    report: dict[str, Any] | None = model.manifest.get("calibration_report")
    if report is None:
        return None
    checklist = checklist_of(model.checklist_version)
    try:
        held_out = read_held_out(model)
    except ProblemError:
        return None  # the page tells it where it tells how good the version is
    answers = to_answers(checklist, held_out["levels"])
    fitted = {question["question"]: question for question in model.manifest.get("calibration", {}).get("questions", [])}
    rows = tuple(
        QuestionRow(
            text=question.text,
            n=fitted[question.id]["n"],
            temperature=1 / fitted[question.id]["slope"],
            offset=fitted[question.id]["offset"],
            ece_before=fitted[question.id]["ece_before"],
            ece_after=fitted[question.id]["ece_after"],
            left=bool(fitted[question.id]["note"]),
            few="too few" in fitted[question.id]["note"],
        )
        for question in checklist.questions
        if question.id in fitted
    )
    return CalibrationView(
        applied=bool(report["applied"]),
        method=str(report["method"]),
        before=reliability(held_out["p_yes"], answers, bins=BINS),
        after=reliability(held_out["calibrated"], answers, bins=BINS) if report["applied"] else None,
        questions=rows,
        warnings=tuple(report["warnings"]),
    )
