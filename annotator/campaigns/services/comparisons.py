"""Which of two generations of one prompt is preferred: the pairs that weights are fitted on."""

from typing import Any

from django.db import connection, transaction

from annotator.campaigns.models import Campaign, CampaignItem, CampaignState, Comparison, Preference
from annotator.core.errors import ConflictError, NotAllowedError, ProblemError
from annotator.library.access import visible_items


@transaction.atomic
def record_comparison(
    *, campaign: Campaign, annotator: Any, left: int, right: int, preference: str, milliseconds: int = 0
) -> Comparison:
    """Save a person's preference between two items of a campaign; again is changing one's mind.

    Raises ConflictError where the campaign is not open, ProblemError for items that are no pair of it,
    NotAllowedError for items this person has not been shown.
    """
    if campaign.state != CampaignState.OPEN:
        raise ConflictError("This campaign is not open; no comparisons are taken.", code="closed")
    if preference not in Preference.values:
        raise ProblemError("A preference is left, right or tie.", code="no_preference")
    prompts = list(
        CampaignItem.objects.filter(campaign=campaign, item__in=[left, right]).values_list("item__prompt", flat=True)
    )
    if left == right or len(prompts) != 2 or prompts[0] != prompts[1]:
        raise ProblemError("These are not two items of one prompt in this campaign.", code="no_pair")
    with connection.cursor() as cursor:
        # A double click or a second tab: the same person's answers come one after the other.
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [campaign.pk, annotator.pk])
    found = Comparison.objects.filter(
        campaign=campaign, annotator=annotator, left__in=[left, right], right__in=[left, right]
    )
    comparison = found.first()
    if comparison is None:
        if visible_items(annotator).filter(pk__in=[left, right]).count() != 2:
            raise NotAllowedError("You have not been given this pair.")
        comparison = Comparison(campaign=campaign, annotator=annotator)
    comparison.left_id, comparison.right_id = left, right
    comparison.preference, comparison.milliseconds = preference, max(milliseconds, 0)
    comparison.save()
    return comparison
