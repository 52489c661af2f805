"""Finishing the review of one item: decisions, known answers and the record in one transaction."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from annotator.campaigns.models import CampaignItem
from annotator.trust.models import FinishedReview, ReviewClaim
from annotator.trust.queries.review import review_item
from annotator.trust.services.adjudication import adjudicate
from annotator.trust.services.gold_from_decisions import make_known


@transaction.atomic
def finish_review(
    *, campaign_item: CampaignItem, levels: Mapping[str, int | None], reviewer: Any, note: str = "", make: str = ""
) -> FinishedReview:
    """Save a reviewer's decisions and take the item out of their queue.

    Args:
        make: The purpose of an item whose answers are known from now on (gold, qualification); empty: none.

    Raises:
        ProblemError: For a level the checklist does not have, or if nothing is settled that could be known.
    """
    standing = adjudicate(campaign_item=campaign_item, levels=levels, adjudicator=reviewer, note=note)
    if make:
        make_known(campaign_item=campaign_item, purpose=make)
    votes = {ladder.sub.id: ladder.by_votes for ladder in review_item(campaign_item).ladders}
    own = [decision for decision in standing if decision.adjudicator_id == reviewer.pk]
    ReviewClaim.objects.filter(campaign_item=campaign_item, reviewer=reviewer).delete()
    finished, _made = FinishedReview.objects.update_or_create(
        campaign_item=campaign_item,
        reviewer=reviewer,
        defaults={
            "decided": len(own),
            "changed": sum(decision.level != votes.get(decision.sub_dimension) for decision in own),
            "finished_at": timezone.now(),
        },
    )
    return finished
