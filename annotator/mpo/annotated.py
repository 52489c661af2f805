"""Rows with what queries add to them. For type checkers alone: import from here under ``TYPE_CHECKING``."""

from typing import TypedDict

from django_stubs_ext import WithAnnotations

from annotator.mpo.models import PairSet


class Vetoes(TypedDict):
    """See ``queries.ready_sets``."""

    vetoed: int


class Results(TypedDict):
    """See ``queries.sets_with``: of one item."""

    won: int
    lost: int


ReadySet = WithAnnotations[PairSet, Vetoes]
SetWithItem = WithAnnotations[PairSet, Results]
