"""Who may work in a campaign now; asked each time an item is handed out."""

from typing import Any

from django.utils.translation import gettext as _

from annotator.campaigns.models import Campaign
from annotator.core.errors import ConflictError
from annotator.trust.models import AnnotatorStanding, AnnotatorStandingState, QualificationAttempt
from annotator.trust.services.gold import policy_of


def standing_of(campaign: Campaign, annotator: Any) -> AnnotatorStanding | None:
    """Find somebody's standing in a campaign."""
    return AnnotatorStanding.objects.filter(campaign=campaign, annotator=annotator).first()


def warn_of_haste(campaign: Campaign, annotator: Any) -> str | None:
    """Write a warning for somebody who answers faster than anybody can look.

    Returns None for everybody else.
    """
    standing = standing_of(campaign, annotator)
    if standing is None or not standing.hasty:
        return None
    policy = policy_of(campaign)
    if policy is None or not policy.haste_limit or standing.hasty < (policy.haste_limit + 1) // 2:
        return None
    return _(
        "You answered your latest %(n)d items faster than they can be viewed. Take your time: after %(limit)d in a "
        "row, your work here is paused."
    ) % {"n": standing.hasty, "limit": policy.haste_limit}


def require_standing(campaign: Campaign, annotator: Any) -> None:
    """Check that somebody is neither paused nor without the test.

    Raises:
        ConflictError: For somebody who is paused or has not passed the test; kindly worded.
    """
    standing = standing_of(campaign, annotator)
    if standing is not None and standing.state == AnnotatorStandingState.PAUSED:
        raise ConflictError(
            _(
                "Your work in this campaign is paused for review: several answers were not as expected. Nothing you "
                "did is lost, and a reviewer will contact you. In the meantime, please read the guidelines again."
            ),
            code="paused",
        )
    policy = policy_of(campaign)
    if policy is None or not policy.require_qualification:
        return
    attempts = list(QualificationAttempt.objects.filter(campaign=campaign, annotator=annotator, forgiven=False))
    if attempts and not any(a.passed for a in attempts) and len(attempts) >= policy.attempts_allowed:
        raise ConflictError(
            _(
                "You have used all attempts at this campaign’s test without passing. Other campaigns are open to "
                "you, and a reviewer can allow another attempt."
            ),
            code="not_qualified",
        )
