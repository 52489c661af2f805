"""Pairs to compare, and what people preferred."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import Exists, OuterRef, Q
from numpy.typing import NDArray

from annotator.campaigns.models import Assignment, AssignmentState, Campaign, Comparison, Preference
from annotator.library.models import Item


@dataclass(frozen=True)
class Pair:
    left: Item
    right: Item
    left_to_do: int


@dataclass(frozen=True)
class Preferences:
    """n comparisons. ``left``, ``right``: items, int64 [n]; ``preferred``: int8 [n], +1 left, −1 right, 0 tie."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    preferred: NDArray[np.int8]


def next_pair(annotator: Any, campaign: Campaign) -> Pair | None:
    """Two items of one prompt that this person has annotated and not yet compared; None where there are none.

    Only one's own finished items: so a comparison shows nothing that its annotator was not given, and the judgments
    are made before, not coloured by it. Which item is left is drawn by lot, the same for the same person and pair.
    """
    done = Assignment.objects.filter(
        annotator=annotator, campaign_item__campaign=campaign, campaign_item__item=OuterRef("pk"),
        state=AssignmentState.SUBMITTED,
    )  # fmt: skip
    items = list(Item.objects.filter(Exists(done)).select_related("prompt").order_by("prompt_id", "pk"))
    compared = {
        frozenset(pair)
        for pair in Comparison.objects.filter(annotator=annotator, campaign=campaign).values_list("left", "right")
    }
    waiting = [
        (first, second)
        for index, first in enumerate(items)
        for second in items[index + 1 :]
        if first.prompt_id == second.prompt_id and frozenset((first.pk, second.pk)) not in compared
    ]
    if not waiting:
        return None
    first, second = waiting[0]
    swap = random.Random(f"{annotator.pk} {first.pk} {second.pk}").random() < 0.5
    return Pair(*((second, first) if swap else (first, second)), left_to_do=len(waiting))


def preferences(campaigns: Iterable[Campaign]) -> Preferences:
    """What people preferred in these campaigns, in the order it was said first."""
    rows = list(
        Comparison.objects.filter(Q(campaign__in=list(campaigns)))
        .order_by("pk")
        .values_list("left", "right", "preference")
    )
    sign = {Preference.LEFT: 1, Preference.RIGHT: -1, Preference.TIE: 0}
    return Preferences(
        left=np.array([row[0] for row in rows], dtype=np.int64),
        right=np.array([row[1] for row in rows], dtype=np.int64),
        preferred=np.array([sign[Preference(row[2])] for row in rows], dtype=np.int8),
    )
