"""What follows from a submitted annotation: gold is counted, disputes are asked again, haste is noticed."""

from annotator.campaigns.models import Assignment, AssignmentState, Purpose
from annotator.trust.services.gold import count_gold
from annotator.trust.services.haste import notice_haste
from annotator.trust.services.overlap import extend_where_disputed


def follow_up(*, assignment_id: int) -> None:
    """Draw what follows from one submitted annotation; again is the same. What is gone or taken back has no effect."""
    assignment = (
        Assignment.objects.select_related("campaign_item__campaign", "annotator")
        .filter(pk=assignment_id, state=AssignmentState.SUBMITTED)
        .first()
    )
    if assignment is not None:
        follow_up_on(assignment)


def follow_up_on(assignment: Assignment) -> None:
    """Follow up on an annotation that has been read already.

    It was read with its item, campaign and annotator.
    """
    item = assignment.campaign_item
    if item.purpose == Purpose.GOLD:
        count_gold(campaign=item.campaign, annotator=assignment.annotator)
    else:
        extend_where_disputed(campaign_item=item)
    notice_haste(campaign=item.campaign, annotator=assignment.annotator)
