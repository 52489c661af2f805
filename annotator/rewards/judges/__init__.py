"""Kinds of judges: a registry, and one file a kind (:mod:`probe`, :mod:`vlm`, :mod:`endpoint`)."""

from annotator.rewards.judges.base import Estimate, JudgeKind, Trained, TrainingData
from annotator.rewards.judges.loading import check, load
from annotator.rewards.judges.registry import kind_of, kinds, register, unregister

__all__ = [
    "Estimate",
    "JudgeKind",
    "Trained",
    "TrainingData",
    "check",
    "kind_of",
    "kinds",
    "load",
    "register",
    "unregister",
]
