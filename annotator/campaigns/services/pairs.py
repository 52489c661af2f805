"""Comparison campaigns: which pairs people are asked about, and who stands left."""

import random
from collections.abc import Iterable
from typing import Any

from django.db import transaction

from annotator.campaigns.models import (
    Campaign,
    CampaignKind,
    CampaignState,
    ChecklistVersion,
    ComparisonPair,
)
from annotator.core.errors import ConflictError, ProblemError
from annotator.library.models import Item


@transaction.atomic
def create_comparison_campaign(
    *,
    name: str,
    pairs: Iterable[tuple[Item, Item]],
    checklist_version: ChecklistVersion | None = None,
    overlap: int = 3,
    seed: int = 0,
    lease_seconds: int = 1800,
    guidelines: str = "",
    created_by: Any = None,
    state: str = CampaignState.DRAFT,
    is_demo: bool = False,
) -> Campaign:
    """A campaign in which ``overlap`` people say of each of these pairs which item is better.

    Nothing on its page tells the first of a pair from the second: which one stands left is drawn from ``seed``, and
    every other person sees the pair the other way round. Without ``checklist_version`` it is the newest one for the
    items' media type (a comparison asks none of its questions, but weights fitted on it belong to a checklist).

    Raises ProblemError where the name is taken, there are no pairs, or what is given is no pair (see ``add_pairs``).
    """
    pairs = list(pairs)
    if not pairs:
        raise ProblemError("There is no pair to compare. Two items of one prompt make one.", code="no_pairs")
    if Campaign.objects.filter(name=name).exists():
        raise ProblemError(f"There is a campaign called “{name}” already; choose another name.", code="name_taken")
    media_type = pairs[0][0].media_type
    version = checklist_version or ChecklistVersion.objects.filter(media_type=media_type).order_by("-pk").first()
    if version is None:
        raise ProblemError(
            f"There is no checklist for {media_type}s. Load one with “manage.py load_checklists”.", code="no_checklist"
        )
    campaign = Campaign.objects.create(
        name=name,
        kind=CampaignKind.COMPARING,
        media_type=version.media_type,
        checklist_version=version,
        state=state,
        overlap=overlap,
        lease_seconds=lease_seconds,
        guidelines=guidelines,
        created_by=created_by,
        is_demo=is_demo,
    )
    add_pairs(campaign=campaign, pairs=pairs, seed=seed)
    return campaign


@transaction.atomic
def add_pairs(*, campaign: Campaign, pairs: Iterable[tuple[Item, Item]], seed: int = 0) -> int:
    """Put pairs into the campaign, in this order; those that are in it (either way round) stay. Returns how many are
    new.

    Raises ConflictError where it is closed, ProblemError for an item with itself, items of two prompts, or items of
    another kind than the campaign's.
    """
    if campaign.state == CampaignState.CLOSED:
        raise ConflictError("This campaign is closed; open it again before adding pairs.")
    draw = random.Random(seed)
    rows = []
    for first, second in pairs:
        _require_pair(campaign, first, second)
        rows.append(
            ComparisonPair(
                campaign=campaign,
                first=first,
                second=second,
                swapped=draw.random() < 0.5,
                needed=campaign.overlap,
                open_slots=campaign.overlap,
            )
        )
    before = campaign.pairs.count()
    ComparisonPair.objects.bulk_create(rows, batch_size=1000, ignore_conflicts=True)
    return campaign.pairs.count() - before


def _require_pair(campaign: Campaign, first: Item, second: Item) -> None:
    if first.pk == second.pk or first.prompt_id != second.prompt_id:
        raise ProblemError(f"Items {first.pk} and {second.pk} are not two items of one prompt.", code="no_pair")
    for item in (first, second):
        if item.media_type != campaign.media_type:
            raise ProblemError(
                f"Item {item.pk} is a {item.media_type}, and the campaign compares {campaign.media_type}s.",
                code="media_type",
            )
