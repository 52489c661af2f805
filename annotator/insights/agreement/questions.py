"""Questions beside people: each is a ladder of two levels, no (0) and yes (1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotator.insights.agreement.verdict import Verdict, verdict
from reward_engine.answers import ABSENT, harmonize, to_answers
from reward_engine.checklist import Checklist
from reward_engine.evaluation.beside_people import BesidePeople, beside_people
from reward_engine.evaluation.resamples import Resamples


@dataclass(frozen=True)
class QuestionRow:
    id: str
    text: str
    sub_dimension: str
    beside: BesidePeople

    @property
    def verdict(self) -> Verdict:
        return verdict(self.beside)


def question_rows(
    checklist: Checklist,
    p_yes: NDArray[np.float64],
    levels: NDArray[np.int8],
    judgments: NDArray[np.int8],
    resamples: Resamples,
) -> list[QuestionRow]:
    """Measure each question of the ladders.

    Args:
        p_yes: [n, q], NaN where the model says nothing.
        levels: int8 [n, s], the consensus.
        judgments: int8 [people, n, s].
    """
    truth = _as_levels(checklist, levels)
    people = np.stack([_as_levels(checklist, one) for one in judgments])
    said = np.where(np.isnan(p_yes), ABSENT, p_yes >= 0.5).astype(np.int8)
    rows = []
    for sub in checklist.ordinal:
        for question in sub.questions:
            q = checklist.question_index(question.id)
            found = beside_people(
                (0, 1), said[:, q], p_yes[:, q], truth[:, q], people[:, :, q], resamples, is_question=True
            )
            rows.append(QuestionRow(question.id, question.text, sub.id, found))
    return rows


def _as_levels(checklist: Checklist, levels: NDArray[np.int8]) -> NDArray[np.int8]:
    """The answers int8 [n, q] that levels imply: 0 no, 1 yes, ABSENT where the question does not apply."""
    answers = to_answers(checklist, harmonize(checklist, levels))
    return np.where(answers == 0, ABSENT, answers > 0).astype(np.int8)
