"""Calibration: what a judge calls 80 % should come true in 80 % of cases.

Fitted per question on judgments the judge was not trained on, kept as plain JSON, measured by reliability
diagrams and the expected calibration error. The order is: judge → calibration → monotone ladders
(:mod:`reward_engine.ladders`) → reward.
"""

from reward_engine.calibration.fitting import cross_calibrated, fit_calibration
from reward_engine.calibration.helpful import helpful_calibration
from reward_engine.calibration.model import Calibration, QuestionCalibration
from reward_engine.calibration.reliability import Reliability, ReliabilityBin, reliability, reliability_by_sub_dimension

__all__ = [
    "Calibration",
    "QuestionCalibration",
    "Reliability",
    "ReliabilityBin",
    "cross_calibrated",
    "fit_calibration",
    "helpful_calibration",
    "reliability",
    "reliability_by_sub_dimension",
]
