"""Putting an annotator's answers aside, so that their items are asked again, and taking them back."""

from typing import Any

from django.db import transaction
from django.db.models import F

from annotator.campaigns.models import Assignment, AssignmentState, Campaign, CampaignItem, Purpose


def _theirs(campaign: Campaign, annotator: Any, *, counted: bool) -> list[Assignment]:
    return list(
        Assignment.objects.select_for_update()
        .filter(
            campaign_item__campaign=campaign,
            campaign_item__purpose=Purpose.WORK,
            annotator=annotator,
            state=AssignmentState.SUBMITTED,
            counted=counted,
        )
        .order_by("pk")
    )


@transaction.atomic
def exclude_answers(*, campaign: Campaign, annotator: Any) -> int:
    """Their submitted work no longer counts, and its items need one more annotator each. Returns how many."""
    assignments = _theirs(campaign, annotator, counted=True)
    Assignment.objects.filter(pk__in=[a.pk for a in assignments]).update(counted=False)
    CampaignItem.objects.filter(pk__in=[a.campaign_item_id for a in assignments]).update(
        submitted=F("submitted") - 1, open_slots=F("open_slots") + 1
    )
    return len(assignments)


@transaction.atomic
def restore_answers(*, campaign: Campaign, annotator: Any) -> int:
    """Make somebody's excluded work count again.

    Items that nobody else has taken up meanwhile need no further annotator then. Returns how many answers count again.
    """
    assignments = _theirs(campaign, annotator, counted=False)
    Assignment.objects.filter(pk__in=[a.pk for a in assignments]).update(counted=True)
    CampaignItem.objects.filter(pk__in=[a.campaign_item_id for a in assignments]).update(
        submitted=F("submitted") + 1, open_slots=F("open_slots") - 1
    )
    return len(assignments)
