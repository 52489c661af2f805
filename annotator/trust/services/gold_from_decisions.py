"""From decided items to items with known answers."""

from django.db import transaction
from django.utils.translation import gettext

from annotator.campaigns.models import CampaignItem
from annotator.core.errors import ProblemError
from annotator.trust.models import KnownAnswers
from annotator.trust.queries.review import review_item
from annotator.trust.services.known_answers import set_known_answers


@transaction.atomic
def make_known(*, campaign_item: CampaignItem, purpose: str, tolerance: int = 1) -> KnownAnswers:
    """Make an item gold or part of the test.

    Its known answers are what is settled about it: a reviewer's decisions, and levels that two thirds or more of at
    least two annotators chose.

    Raises:
        ProblemError: If nothing is settled.
    """
    review = review_item(campaign_item)
    levels: dict[str, int] = {}
    for ladder in review.ladders:
        if not ladder.sub.is_ordinal:
            continue
        if ladder.decided is not None:
            levels[ladder.sub.id] = ladder.decided
        elif ladder.answers > 1 and not ladder.disputed and ladder.by_votes is not None:
            levels[ladder.sub.id] = ladder.by_votes
    if not levels:
        raise ProblemError(
            gettext("Nothing about this item is settled yet. Decide its questions first."), code="unsettled"
        )
    explanations = {id: review.note for id in levels if review.note}
    return set_known_answers(
        campaign_item=campaign_item, levels=levels, purpose=purpose, tolerance=tolerance, explanations=explanations
    )
