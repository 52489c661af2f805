"""Where apps further up take part in handing out items, without campaigns knowing them.

Registered in an app's ``ready()``; gates, choosers and suggesters are called inside the transaction of
``lease_next_item``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from annotator.campaigns.models import Assignment, Campaign, CampaignItem

Gate = Callable[[Campaign, Any], None]
"""Raises ConflictError, in words for the annotator, where this person may not work in this campaign now."""

Chooser = Callable[[Campaign, Any], CampaignItem | None]
"""The item this person gets before the queue is asked (not yet had by them), or None."""

Feedback = Callable[[Assignment, str, int | None], dict[str, Any] | None]
"""What the annotator is told of an answer (assignment, sub-dimension, level) as soon as it is saved, or None:
``right`` (bool) and ``text``, in the language of the page."""


@dataclass(frozen=True)
class Suggestion:
    """What a model says of an item before a person does. ``levels``: {sub-dimension: level}; ``by``: its name."""

    levels: Mapping[str, int]
    by: str


Suggester = Callable[[Campaign, int], Suggestion | None]
"""What is suggested for an item of a campaign (the campaign, the pk of its CampaignItem), or None."""

Warner = Callable[[Campaign, Any], str | None]
"""What this person is to be told above their work in this campaign, in the language of the page, or None."""

gates: list[Gate] = []
choosers: list[Chooser] = []
feedbacks: list[Feedback] = []
suggesters: list[Suggester] = []
warnings: list[Warner] = []
