"""Comparison campaigns: which pairs people are asked about, and who stands left."""

import random
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

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
    asks_strength: bool = False,
    created_by: Any = None,
    state: str = CampaignState.DRAFT,
    is_demo: bool = False,
) -> Campaign:
    """Create a campaign that compares these pairs.

    Of each pair, ``overlap`` people say which item is better.

    Nothing on its page tells the first of a pair from the second: which one stands left is drawn from ``seed``, and
    every other person sees the pair the other way round. Without ``checklist_version`` it is the newest one for the
    items' media type (a comparison asks none of its questions, but weights fitted on it belong to a checklist).

    Raises:
        ProblemError: If the name is taken, there are no pairs, or what is given is no pair (see ``add_pairs``).
    """
    pairs = list(pairs)
    if not pairs:
        raise ProblemError(
            gettext("There are no pairs to compare. A pair needs two items with the same prompt."), code="no_pairs"
        )
    if Campaign.objects.filter(name=name).exists():
        raise ProblemError(
            gettext("A campaign called “%(name)s” already exists. Choose another name.") % {"name": name},
            code="name_taken",
        )
    media_type = pairs[0][0].media_type
    version = checklist_version or ChecklistVersion.objects.filter(media_type=media_type).order_by("-pk").first()
    if version is None:
        raise ProblemError(
            gettext(
                "There is no checklist for the media type %(media_type)s. Load one with “manage.py load_checklists”."
            )
            % {"media_type": media_type},
            code="no_checklist",
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
        asks_strength=asks_strength,
        created_by=created_by,
        is_demo=is_demo,
    )
    add_pairs(campaign=campaign, pairs=pairs, seed=seed)
    return campaign


@transaction.atomic
def add_pairs(*, campaign: Campaign, pairs: Iterable[tuple[Item, Item]], seed: int = 0) -> int:
    """Put pairs into the campaign, in this order.

    Pairs that are in it already (either way round) stay. Returns how many are new.

    Raises:
        ConflictError: If it is closed.
        ProblemError: For an item with itself, items of two prompts, or items of another kind than the campaign's.
    """
    if campaign.state == CampaignState.CLOSED:
        raise ConflictError(gettext("This campaign is closed. Reopen it to add pairs."))
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
        raise ProblemError(
            gettext("Items %(first)s and %(second)s are not two items with the same prompt.")
            % {"first": first.pk, "second": second.pk},
            code="no_pair",
        )
    for item in (first, second):
        if item.media_type != campaign.media_type:
            raise ProblemError(
                gettext(
                    "Item %(item)s has the media type %(media_type)s, but the campaign compares %(media_type2)s items."
                )
                % {"item": item.pk, "media_type": item.media_type, "media_type2": campaign.media_type},
                code="media_type",
            )
