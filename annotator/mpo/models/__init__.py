"""Prompts to generate for, what was generated, and preference pairs by dominance."""

from annotator.mpo.models.generations import GeneratedItem, GenerationSet, GenerationSource, Precision
from annotator.mpo.models.pairs import PairSet, PreferencePair
from annotator.mpo.models.prompt_sets import PromptSet, PromptSetMember

__all__ = [
    "GeneratedItem",
    "GenerationSet",
    "GenerationSource",
    "PairSet",
    "Precision",
    "PreferencePair",
    "PromptSet",
    "PromptSetMember",
]
