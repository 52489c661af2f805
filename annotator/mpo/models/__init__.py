"""Preference pairs by dominance, and runs that learn from them."""

from annotator.mpo.models.pairs import PairSet, PreferencePair
from annotator.mpo.models.runs import ComparedItem, HumanVerdict, ModelComparison, MpoRun

__all__ = [
    "ComparedItem",
    "HumanVerdict",
    "ModelComparison",
    "MpoRun",
    "PairSet",
    "PreferencePair",
]
