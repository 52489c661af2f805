"""How well levels, answers and preferences agree: model with human, human with human, judge with judge.

Levels are int8 with :data:`reward_engine.answers.ABSENT` where nothing was judged. What cannot be said
(no pairs, no spread) is None, never NaN, so that results go into JSON and onto pages as they are.
"""

from reward_engine.evaluation.levels import LevelAgreement, level_agreement, quadratic_kappa
from reward_engine.evaluation.people import HumanAgreement, human_agreement
from reward_engine.evaluation.preferences import PreferenceAccuracy, calibrate_ties, preference_accuracy
from reward_engine.ladders import expected_levels, level_probabilities, most_likely_levels

__all__ = [
    "HumanAgreement",
    "LevelAgreement",
    "PreferenceAccuracy",
    "calibrate_ties",
    "expected_levels",
    "human_agreement",
    "level_agreement",
    "level_probabilities",
    "most_likely_levels",
    "preference_accuracy",
    "quadratic_kappa",
]
