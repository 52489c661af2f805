"""Making and steering campaigns."""

from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from annotator.campaigns.models import Campaign, CampaignItem, CampaignKind, CampaignState, ChecklistVersion, QueueOrder
from annotator.campaigns.services.ordering import shuffle
from annotator.core.errors import ConflictError, ProblemError
from annotator.library.models import Item


@transaction.atomic
def create_campaign(
    *,
    name: str,
    checklist_version: ChecklistVersion,
    items: Iterable[Item],
    overlap: int = 3,
    lease_seconds: int = 1800,
    guidelines: str = "",
    created_by: Any = None,
    state: str = CampaignState.DRAFT,
    is_demo: bool = False,
    queue_order: str = QueueOrder.PRIORITY,
) -> Campaign:
    """Create a campaign over these items.

    Raises:
        ProblemError: If the name is taken or an item is of the other kind.
    """
    if Campaign.objects.filter(name=name).exists():
        raise ProblemError(
            _("A campaign called “%(name)s” already exists. Choose another name.") % {"name": name}, code="name_taken"
        )
    campaign = Campaign.objects.create(
        name=name,
        media_type=checklist_version.media_type,
        checklist_version=checklist_version,
        state=state,
        overlap=overlap,
        lease_seconds=lease_seconds,
        guidelines=guidelines,
        created_by=created_by,
        is_demo=is_demo,
        queue_order=queue_order,
    )
    add_items(campaign=campaign, items=items)
    return campaign


@transaction.atomic
def add_items(*, campaign: Campaign, items: Iterable[Item]) -> int:
    """Put items into the campaign; those that are in it stay as they are. Returns how many are new."""
    if campaign.state == CampaignState.CLOSED:
        raise ConflictError(_("This campaign is closed. Reopen it to add items."))
    if campaign.kind == CampaignKind.COMPARING:
        raise ProblemError(_("This campaign compares pairs. Add pairs to it, not items."), code="comparing")
    rows = []
    for item in items:
        if item.media_type != campaign.media_type:
            raise ProblemError(
                _(
                    "Item %(item)s has the media type %(media_type)s, but the campaign’s checklist is for "
                    "%(media_type2)s."
                )
                % {"item": item.pk, "media_type": item.media_type, "media_type2": campaign.media_type},
                code="media_type",
            )
        rows.append(CampaignItem(campaign=campaign, item=item, needed=campaign.overlap, open_slots=campaign.overlap))
    before = campaign.campaign_items.count()
    CampaignItem.objects.bulk_create(rows, batch_size=1000, ignore_conflicts=True)
    if campaign.queue_order == QueueOrder.RANDOM:
        shuffle(campaign)
    return campaign.campaign_items.count() - before


ALLOWED = {
    CampaignState.DRAFT: {CampaignState.OPEN, CampaignState.CLOSED},
    CampaignState.OPEN: {CampaignState.PAUSED, CampaignState.CLOSED},
    CampaignState.PAUSED: {CampaignState.OPEN, CampaignState.CLOSED},
    CampaignState.CLOSED: {CampaignState.OPEN},
}


def next_states(campaign: Campaign) -> list[CampaignState]:
    """List the states a campaign can change to, in their usual order."""
    return [state for state in CampaignState if state in ALLOWED[CampaignState(campaign.state)]]


@transaction.atomic
def set_state(*, campaign: Campaign, state: str) -> Campaign:
    """Open, pause, or close the campaign.

    Raises:
        ConflictError: For a step that makes no sense.
    """
    campaign = Campaign.objects.select_for_update().get(pk=campaign.pk)
    if state not in ALLOWED[CampaignState(campaign.state)]:
        raise ConflictError(
            _("A campaign cannot go from “%(now)s” to “%(wanted)s”.")
            % {"now": campaign.get_state_display().lower(), "wanted": state}
        )
    comparing = campaign.kind == CampaignKind.COMPARING
    if state == CampaignState.OPEN and not (campaign.pairs if comparing else campaign.campaign_items).exists():
        if comparing:
            raise ProblemError(_("The campaign has no pairs yet. Add some before opening it."), code="no_pairs")
        raise ProblemError(_("The campaign has no items yet. Add some before opening it."), code="no_items")
    campaign.state = state
    try:
        campaign.save(update_fields=["state", "updated_at"])
    except IntegrityError as error:  # pragma: no cover - a constraint we do not know of yet
        raise ConflictError(str(error)) from error
    return campaign
