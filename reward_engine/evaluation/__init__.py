"""How well levels, answers and preferences agree: model with human, human with human, judge with judge.

Levels are int8 with :data:`reward_engine.answers.ABSENT` where nothing was judged. What cannot be said
(no pairs, no spread) is None, never NaN, so that results go into JSON and onto pages as they are. Intervals
are drawn by prompt. Figures in one call and as tables: :mod:`reward_engine.evaluation.report` and
:mod:`reward_engine.evaluation.tables`; pictures: :mod:`reward_engine.evaluation.plots`.
"""

from reward_engine.evaluation.bootstrap import Interval
from reward_engine.evaluation.breakdown import GeneratorAgreement, by_dimension, by_generator
from reward_engine.evaluation.compare import (
    AnswerComparison,
    Difference,
    JudgeComparison,
    compare_answers,
    compare_judges,
)
from reward_engine.evaluation.level_comparison import JudgeFigures, LevelComparison, compare_levels
from reward_engine.evaluation.levels import LevelAgreement, level_agreement, level_intervals, quadratic_kappa
from reward_engine.evaluation.people import HumanAgreement, human_agreement
from reward_engine.evaluation.preferences import (
    PreferenceAccuracy,
    PreferenceIntervals,
    calibrate_ties,
    preference_accuracy,
    preference_intervals,
)
from reward_engine.evaluation.questions import QuestionAgreement, question_agreement, question_intervals
from reward_engine.evaluation.ranking import RankCorrelation, rank_correlation, rank_intervals
from reward_engine.evaluation.ranks import Place, places
from reward_engine.evaluation.report import AnswerReport, SubDimensionReport, evaluate_answers
from reward_engine.evaluation.win_rates import WinRate, wilson, win_rates
from reward_engine.ladders import expected_levels, level_probabilities, most_likely_levels

__all__ = [
    "AnswerComparison",
    "AnswerReport",
    "Difference",
    "GeneratorAgreement",
    "HumanAgreement",
    "Interval",
    "JudgeComparison",
    "JudgeFigures",
    "LevelAgreement",
    "LevelComparison",
    "Place",
    "PreferenceAccuracy",
    "PreferenceIntervals",
    "QuestionAgreement",
    "RankCorrelation",
    "SubDimensionReport",
    "WinRate",
    "by_dimension",
    "by_generator",
    "calibrate_ties",
    "compare_answers",
    "compare_judges",
    "compare_levels",
    "evaluate_answers",
    "expected_levels",
    "human_agreement",
    "level_agreement",
    "level_intervals",
    "level_probabilities",
    "most_likely_levels",
    "places",
    "preference_accuracy",
    "preference_intervals",
    "quadratic_kappa",
    "question_agreement",
    "question_intervals",
    "rank_correlation",
    "rank_intervals",
    "wilson",
    "win_rates",
]
