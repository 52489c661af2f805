"""What reviewers have told annotators about their answers."""

from typing import Any

from django.db.models import F, QuerySet

from annotator.campaigns.models import CampaignItem
from annotator.trust.models import ReviewComment


def comments_to(annotator: Any) -> QuerySet[ReviewComment]:
    """List the comments to an annotator, those not read first, then the newest."""
    return (
        ReviewComment.objects.filter(annotator=annotator)
        .select_related("author", "assignment__campaign_item__campaign", "assignment__campaign_item__item__prompt")
        .order_by(F("read_at").desc(nulls_first=True), "-pk")
    )


def comments_on(campaign_item: CampaignItem) -> QuerySet[ReviewComment]:
    """List the comments on one item's answers, the oldest first."""
    return (
        ReviewComment.objects.filter(assignment__campaign_item=campaign_item)
        .select_related("author", "annotator")
        .order_by("pk")
    )


def unread_comments(annotator: Any) -> int:
    """Count the comments that an annotator has not read."""
    return ReviewComment.objects.filter(annotator=annotator, read_at=None).count()
