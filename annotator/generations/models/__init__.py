"""Prompts to generate for, and what was generated."""

from annotator.generations.models.generations import GeneratedItem, GenerationSet, GenerationSource, Precision
from annotator.generations.models.prompt_sets import PromptSet, PromptSetMember

__all__ = [
    "GeneratedItem",
    "GenerationSet",
    "GenerationSource",
    "Precision",
    "PromptSet",
    "PromptSetMember",
]
