"""Rows with what queries add to them. For type checkers alone: import from here under ``TYPE_CHECKING``."""

from typing import TypedDict

from django_stubs_ext import WithAnnotations

from annotator.generations.models import GenerationSet, PromptSet
from annotator.generations.prompts import RowNote


class ItemCounts(TypedDict):
    """See ``queries.generation_sets``."""

    prompt_count: int
    made_count: int
    wanted: int


class LeftOut(TypedDict):
    """``left_out``: rows of the source that hold no usable prompt."""

    left_out: list[RowNote]


CountedGenerationSet = WithAnnotations[GenerationSet, ItemCounts]
MadePromptSet = WithAnnotations[PromptSet, LeftOut]
