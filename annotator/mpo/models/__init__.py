"""Prompts to generate for, what was generated, preference pairs by dominance, and runs that learn from them."""

from annotator.mpo.models.generations import GeneratedItem, GenerationSet, GenerationSource, Precision
from annotator.mpo.models.pairs import PairSet, PreferencePair
from annotator.mpo.models.prompt_sets import PromptSet, PromptSetMember
from annotator.mpo.models.runs import ComparedItem, HumanVerdict, ModelComparison, MpoRun

__all__ = [
    "ComparedItem",
    "GeneratedItem",
    "GenerationSet",
    "GenerationSource",
    "HumanVerdict",
    "ModelComparison",
    "MpoRun",
    "PairSet",
    "Precision",
    "PreferencePair",
    "PromptSet",
    "PromptSetMember",
]
