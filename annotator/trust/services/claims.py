"""Who reviews which item: a claim keeps an item from all other reviewers until it expires."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from annotator.trust.models import FinishedReview, ReviewClaim

CLAIM = timedelta(minutes=30)


@transaction.atomic
def claim_review(*, campaign_item: int, reviewer: Any) -> bool:
    """Claim an item for a reviewer, or extend their claim.

    Returns false while another reviewer's claim holds. Both writes are decided by the database under the row's lock:
    of two that come at once, one gets the item.
    """
    now = timezone.now()
    free = Q(reviewer=reviewer) | Q(expires_at__lte=now)
    if ReviewClaim.objects.filter(free, campaign_item=campaign_item).update(
        reviewer=reviewer, expires_at=now + CLAIM, updated_at=now
    ):
        return True
    claim = ReviewClaim(campaign_item_id=campaign_item, reviewer=reviewer, expires_at=now + CLAIM)
    ReviewClaim.objects.bulk_create([claim], ignore_conflicts=True)
    return ReviewClaim.objects.filter(campaign_item=campaign_item, reviewer=reviewer).exists()


def claim_next(*, queue: Sequence[int], reviewer: Any) -> int | None:
    """Claim the first item of the queue that is free for this reviewer.

    Neither have they finished it, nor does anybody else review it now.

    Args:
        queue: Items of a campaign, the most urgent first.
    """
    finished = FinishedReview.objects.filter(campaign_item__in=queue, reviewer=reviewer)
    taken = ReviewClaim.objects.filter(campaign_item__in=queue, expires_at__gt=timezone.now()).exclude(
        reviewer=reviewer
    )
    out = {*finished.values_list("campaign_item", flat=True), *taken.values_list("campaign_item", flat=True)}
    return next((pk for pk in queue if pk not in out and claim_review(campaign_item=pk, reviewer=reviewer)), None)
