"""Who may work in a campaign now; asked each time an item is handed out."""

from typing import Any

from django.utils.translation import gettext as _

from annotator.campaigns.models import Campaign
from annotator.core.errors import ConflictError
from annotator.trust.models import QualificationAttempt, Standing, StandingState
from annotator.trust.services.gold import policy_of


def standing_of(campaign: Campaign, annotator: Any) -> Standing | None:
    return Standing.objects.filter(campaign=campaign, annotator=annotator).first()


def warn_of_haste(campaign: Campaign, annotator: Any) -> str | None:
    """A word in the page for somebody who answers faster than anybody can look; None for everybody else."""
    standing = standing_of(campaign, annotator)
    if standing is None or not standing.hasty:
        return None
    policy = policy_of(campaign)
    if policy is None or not policy.haste_limit or standing.hasty < (policy.haste_limit + 1) // 2:
        return None
    return _(
        "Your latest %(n)d items were answered faster than they can be looked at. Take your time: after %(limit)d in a "
        "row your work here is paused."
    ) % {"n": standing.hasty, "limit": policy.haste_limit}


def require_standing(campaign: Campaign, annotator: Any) -> None:
    """Raises ConflictError, kindly worded, for somebody who is paused or has not passed the test."""
    standing = standing_of(campaign, annotator)
    if standing is not None and standing.state == StandingState.PAUSED:
        raise ConflictError(
            _(
                "Your work in this campaign is paused while a reviewer looks at it: several answers were not as "
                "expected. Nothing you did is lost, and you will hear from us. Until then, the guidelines "
                "are worth another look."
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
                "You have taken the test of this campaign as often as it can be taken, without passing. "
                "Other campaigns are open to you; a reviewer can allow another try."
            ),
            code="not_qualified",
        )
