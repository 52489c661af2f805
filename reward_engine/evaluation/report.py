"""A judge's answers against people's, all figures in one call, with intervals."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from reward_engine.answers import ABSENT, check_levels, harmonize, to_answers
from reward_engine.calibration.reliability import Reliability, reliability
from reward_engine.checklist import Checklist
from reward_engine.errors import DataError
from reward_engine.evaluation.bootstrap import TIMES, Interval
from reward_engine.evaluation.levels import LevelAgreement, level_agreement, level_intervals
from reward_engine.evaluation.questions import QuestionAgreement, overall, question_agreement, question_intervals
from reward_engine.evaluation.ranking import RankCorrelation, rank_correlation, rank_intervals
from reward_engine.ladders import expected_levels, monotone, most_likely_levels


@dataclass(frozen=True)
class SubDimensionReport:
    """``levels``: the likeliest level against people's. ``ranks``: the expected level's order of items. ``intervals``
    of the figures of both, by name. ``baseline_accuracy``: of always saying the level that people gave most often."""

    levels: LevelAgreement
    ranks: RankCorrelation
    baseline_accuracy: float | None
    intervals: dict[str, Interval | None]


@dataclass(frozen=True)
class AnswerReport:
    """Keys are ids, in checklist order. ``dimensions`` and ``overall``: means of the questions' figures.

    ``reliability``: all answers of all questions together.
    """

    n: int
    questions: dict[str, QuestionAgreement]
    question_intervals: dict[str, dict[str, Interval | None]]
    sub_dimensions: dict[str, SubDimensionReport]
    dimensions: dict[str, dict[str, float | None]]
    overall: dict[str, float | None]
    reliability: Reliability

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def evaluate_answers(
    checklist: Checklist,
    p_yes: ArrayLike,
    levels: ArrayLike,
    prompts: ArrayLike,
    *,
    times: int = TIMES,
    rank_times: int = 200,
    seed: int = 0,
) -> AnswerReport:
    """Measure how a judge's answers agree with people's.

    ``p_yes`` float [n, q] of the judge; ``levels`` int8 [n, s] of people, ABSENT where not judged; ``prompts`` [n].

    Levels that contradict each other count as :func:`reward_engine.answers.harmonize` leaves them.

    Raises:
        DataError: Shapes or values do not fit.
    """
    p = monotone(checklist, p_yes)
    truth = harmonize(checklist, check_levels(checklist, levels))
    group = np.asarray(prompts)
    if not len(p) == len(truth) == len(group) or not len(p):
        raise DataError(
            f"As many rows of P(yes), of levels and of prompts are needed, and at least one; "
            f"there are {len(p)}, {len(truth)} and {len(group)}.",
            code="shape",
        )
    answers = to_answers(checklist, truth)
    questions = question_agreement(checklist, p, answers)
    likeliest, expected = most_likely_levels(checklist, p), expected_levels(checklist, p)
    subs = {}
    for column, sub in enumerate(checklist.ordinal):
        mine, theirs = likeliest[:, column], truth[:, column]
        known = np.where(theirs == ABSENT, np.nan, theirs)
        counts = np.unique(theirs[theirs != ABSENT], return_counts=True)[1]
        subs[sub.id] = SubDimensionReport(
            levels=level_agreement(mine, theirs),
            ranks=rank_correlation(expected[:, column], known),
            baseline_accuracy=float(counts.max() / counts.sum()) if len(counts) else None,
            intervals=level_intervals(mine, theirs, group, times=times, seed=seed)
            | rank_intervals(expected[:, column], known, group, times=rank_times, seed=seed),
        )
    of_dimension = [checklist.dimensions[index].id for index in checklist.question_dimension]
    return AnswerReport(
        n=len(p),
        questions=questions,
        question_intervals=question_intervals(checklist, p, answers, group, times=times, seed=seed),
        sub_dimensions=subs,
        dimensions={
            dimension.id: overall(
                {id: one for (id, one), its in zip(questions.items(), of_dimension, strict=True) if its == dimension.id}
            )
            for dimension in checklist.dimensions
        },
        overall=overall(questions),
        reliability=reliability(p, answers),
    )
