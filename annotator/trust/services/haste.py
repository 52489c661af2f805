"""Too fast, item after item: first a word in the page, then a pause."""

from datetime import datetime
from typing import Any, cast

from django.db import transaction
from django.db.models import Count, Sum

from annotator.campaigns.models import DATA, Assignment, AssignmentState, Campaign
from annotator.trust.behavior import fastest_ms_of
from annotator.trust.models import AnnotatorStanding, AnnotatorStandingState
from annotator.trust.services.gold import pause, policy_of


@transaction.atomic
def notice_haste(*, campaign: Campaign, annotator: Any) -> int:
    """Count this person's latest hasty annotations in a row, and act on them.

    An annotation is hasty if it was faster than anybody can look. The policy says when the person is paused.

    The time is what the page counted, and never more than what passed here since the item was handed out or the one
    before it was submitted. What a client claims can only make it shorter.
    """
    policy = policy_of(campaign)
    if policy is None or not policy.haste_limit or annotator.is_synthetic:
        return 0
    AnnotatorStanding.objects.get_or_create(campaign=campaign, annotator=annotator)
    standing = AnnotatorStanding.objects.select_for_update().get(campaign=campaign, annotator=annotator)
    in_a_row = _in_a_row(campaign, annotator, policy.haste_limit, standing.gold_since)
    if standing.hasty != in_a_row:
        standing.hasty = in_a_row
        standing.save(update_fields=["hasty", "updated_at"])
    if in_a_row >= policy.haste_limit and standing.state == AnnotatorStandingState.ACTIVE:
        pause(standing=standing, reason=f"The latest {in_a_row} items were answered faster than they can be viewed.")
    return in_a_row


def _in_a_row(campaign: Campaign, annotator: Any, most: int, since: datetime | None) -> int:
    mine = Assignment.objects.filter(
        annotator=annotator, campaign_item__campaign=campaign, campaign_item__purpose__in=DATA,
        state=AssignmentState.SUBMITTED,
    )  # fmt: skip
    if since:
        mine = mine.filter(submitted_at__gt=since)
    # Whoever has submitted did so at some time.
    rows = cast(
        "list[tuple[datetime, datetime, int | None, int, int | None]]",
        list(
            mine.annotate(claimed=Sum("judgments__milliseconds"), answers=Count("judgments"))
            .order_by("-submitted_at", "-pk")
            .values_list("leased_at", "submitted_at", "claimed", "answers", "campaign_item__item__duration_ms")[
                : most + 1
            ]
        ),
    )
    for number, (leased, submitted, claimed, answers, duration) in enumerate(rows[:most]):
        begun = max(leased, rows[number + 1][1]) if number + 1 < len(rows) else leased
        passed = (submitted - begun).total_seconds() * 1000
        if min(passed, claimed or passed) >= fastest_ms_of(answers, duration or 0):
            return number
    return min(len(rows), most)
