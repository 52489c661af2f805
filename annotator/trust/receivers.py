"""What follows from what campaigns do."""

from functools import partial
from typing import Any

from django.db import transaction

from annotator.campaigns.models import Assignment, Campaign, Purpose
from annotator.trust import services, tasks


def on_submitted(sender: Any, assignment: Assignment, **kwargs: Any) -> None:
    """A test is marked at once; all else follows after the commit, by one task whatever the item was.

    So a submit takes the same time for gold as for work, and its answer tells nothing.
    """
    item = assignment.campaign_item
    if item.purpose == Purpose.QUALIFICATION:
        services.mark_test(campaign=item.campaign, annotator=assignment.annotator)
    elif assignment.annotator.is_synthetic:
        services.follow_up_on(assignment)  # many at once, and nobody to hide anything from
    else:
        transaction.on_commit(partial(tasks.follow_up.delay, assignment.pk), robust=True)


def on_taken_out(sender: Any, campaign: Campaign, **kwargs: Any) -> None:
    services.mark_whole_tests(campaign=campaign)
