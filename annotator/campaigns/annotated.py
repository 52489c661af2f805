"""Rows with what queries add to them. For type checkers alone: import from here under ``TYPE_CHECKING``."""

from typing import Any, TypedDict

from django_stubs_ext import WithAnnotations

from annotator.campaigns.models import Assignment, Campaign, CampaignItem, ComparisonPair, Flag


class ProgressCounts(TypedDict):
    """See ``queries.add_progress``."""

    items_count: int
    needed_count: int
    submitted_count: int
    complete_count: int


class Preferred(TypedDict):
    """See ``queries.pair_results``: numbers of people."""

    for_first: int
    for_second: int
    ties: int
    much_better: int
    skipped: int


class OnPage(TypedDict):
    """See ``queries.my_assignment``."""

    answers: list[dict[str, Any]]
    newest: int | None
    previous: int | None
    following: int | None
    was_unsafe: bool
    own_flags: list[dict[str, str]]
    with_examples: list[str]
    today: int
    left: int


class Troubles(TypedDict):
    """See ``queries.troubles_of``."""

    skipped: int
    reports: int


class Named(TypedDict):
    """``ladder``: the name of the sub-dimension."""

    ladder: str


CountedCampaign = WithAnnotations[Campaign, ProgressCounts]
PairResult = WithAnnotations[ComparisonPair, Preferred]
AssignmentOnPage = WithAnnotations[Assignment, OnPage]
ListedItem = WithAnnotations[CampaignItem, Troubles]
ListedFlag = WithAnnotations[Flag, Named]
