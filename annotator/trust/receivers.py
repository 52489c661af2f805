"""What follows from a submitted annotation, in the transaction that submits it."""

from typing import Any

from annotator.campaigns.models import Assignment, Purpose
from annotator.trust import services


def on_submitted(sender: Any, assignment: Assignment, **kwargs: Any) -> None:
    item = assignment.campaign_item
    if item.purpose == Purpose.QUALIFICATION:
        services.mark_test(campaign=item.campaign, annotator=assignment.annotator)
    elif item.purpose == Purpose.GOLD:
        services.count_gold(campaign=item.campaign, annotator=assignment.annotator)
    else:
        services.extend_where_disputed(campaign_item=item)
