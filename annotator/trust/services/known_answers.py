"""Known answers: which items measure annotators, and what is right for them."""

from collections.abc import Mapping

from django.db import transaction
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import AssignmentState, CampaignItem, Purpose
from annotator.core.errors import ProblemError
from annotator.trust.models import KnownAnswers
from annotator.trust.services.qualification import mark_whole_tests
from reward_engine.errors import ChecklistError

UNLIMITED = 32_000
"""Annotators an item with known answers may be given to: everybody gets it once."""


@transaction.atomic
def set_known_answers(
    *,
    campaign_item: CampaignItem,
    levels: Mapping[str, int],
    purpose: str = Purpose.GOLD,
    tolerance: int = 1,
    explanations: Mapping[str, str] | None = None,
) -> KnownAnswers:
    """Make an item of a campaign a gold or qualification item.

    Args:
        levels: What is right, for as many sub-dimensions as are known (at least one).

    Raises:
        ProblemError: For a sub-dimension or level the checklist does not have, and for an item that is taken out.
    """
    if purpose not in (Purpose.GOLD, Purpose.QUALIFICATION):
        raise ProblemError(
            _("Known answers make an item either a gold item or part of the qualification test. Choose one.")
        )
    campaign_item = _locked(campaign_item)
    checklist = checklist_of(campaign_item.campaign.checklist_version)
    if not levels:
        raise ProblemError(_("Enter the correct level of at least one sub-dimension."), code="no_levels")
    for id, level in levels.items():
        try:
            sub = checklist.sub_dimension(id)
        except ChecklistError as error:
            raise ProblemError(error.message, code=error.code) from error
        if level not in sub.scores:
            raise ProblemError(
                _("“%(name)s” has no level %(level)s; its levels are %(lowest)s to %(highest)s.")
                % {"name": sub.name, "level": level, "lowest": sub.lowest, "highest": sub.highest},
                code="no_level",
            )
    known, _made = KnownAnswers.objects.update_or_create(
        campaign_item=campaign_item,
        defaults={
            "levels": {id: int(level) for id, level in levels.items()},
            "tolerance": tolerance,
            "explanations": {id: text for id, text in (explanations or {}).items() if text},
        },
    )
    _hand_out(campaign_item, purpose, UNLIMITED)
    return known


@transaction.atomic
def forget_known_answers(*, campaign_item: CampaignItem) -> CampaignItem:
    """Make a gold or qualification item ordinary work again.

    Raises:
        ProblemError: For an item that is taken out.
    """
    campaign_item = _locked(campaign_item)
    KnownAnswers.objects.filter(campaign_item=campaign_item).delete()
    return _hand_out(campaign_item, Purpose.WORK, campaign_item.campaign.overlap)


def _locked(campaign_item: CampaignItem) -> CampaignItem:
    row = CampaignItem.objects.select_for_update().select_related("campaign").get(pk=campaign_item.pk)
    if row.purpose == Purpose.WITHDRAWN:
        raise ProblemError(_("This item was removed from the campaign. Restore it first."), code="out")
    return row


def _hand_out(campaign_item: CampaignItem, purpose: str, needed: int) -> CampaignItem:
    taken = campaign_item.assignments.aggregate(
        submitted=Count("pk", filter=Q(state=AssignmentState.SUBMITTED, counted=True)),
        leased=Count("pk", filter=Q(state=AssignmentState.LEASED)),
    )
    if campaign_item.purpose == Purpose.QUALIFICATION and purpose != Purpose.QUALIFICATION:
        mark_whole_tests(campaign=campaign_item.campaign)
    campaign_item.purpose = purpose
    campaign_item.submitted = taken["submitted"]
    campaign_item.needed = needed
    campaign_item.open_slots = needed - taken["submitted"] - taken["leased"]
    campaign_item.save(update_fields=["purpose", "submitted", "needed", "open_slots"])
    return campaign_item
