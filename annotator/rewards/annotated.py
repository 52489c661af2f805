"""Rows with what queries add to them. For type checkers alone: import from here under ``TYPE_CHECKING``."""

from typing import TypedDict

from django_stubs_ext import WithAnnotations

from annotator.rewards.models import RewardModel


class Scored(TypedDict):
    """See ``queries.models_by_media_type``."""

    scored: int


ScoredModel = WithAnnotations[RewardModel, Scored]
