"""What follows from what campaigns do, in the transaction that does it."""

from typing import Any

from annotator.campaigns.models import Assignment, Campaign, Purpose
from annotator.trust import services


def on_submitted(sender: Any, assignment: Assignment, **kwargs: Any) -> None:
    item = assignment.campaign_item
    if item.purpose == Purpose.QUALIFICATION:
        services.mark_test(campaign=item.campaign, annotator=assignment.annotator)
    elif item.purpose == Purpose.GOLD:
        services.count_gold(campaign=item.campaign, annotator=assignment.annotator)
    else:
        services.extend_where_disputed(campaign_item=item)


def on_taken_out(sender: Any, campaign: Campaign, **kwargs: Any) -> None:
    services.mark_whole_tests(campaign=campaign)
