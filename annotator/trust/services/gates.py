"""Who may work in a campaign now; asked each time an item is handed out."""

from typing import Any

from django.utils.translation import gettext as _

from annotator.campaigns.models import Campaign
from annotator.core.errors import ConflictError
from annotator.trust.models import QualificationAttempt, Standing, StandingState
from annotator.trust.services.gold import policy_of


def require_standing(campaign: Campaign, annotator: Any) -> None:
    """Raises ConflictError, kindly worded, for somebody who is paused or has not passed the test."""
    if Standing.objects.filter(campaign=campaign, annotator=annotator, state=StandingState.PAUSED).exists():
        raise ConflictError(
            _(
                "Your work in this campaign is paused while a reviewer looks at it: several answers differed from "
                "ones that are known. Nothing you did is lost, and you will hear from us. Until then, the guidelines "
                "are worth another look."
            ),
            code="paused",
        )
    policy = policy_of(campaign)
    if policy is None or not policy.require_qualification:
        return
    attempts = list(QualificationAttempt.objects.filter(campaign=campaign, annotator=annotator))
    if attempts and not any(a.passed for a in attempts) and len(attempts) >= policy.attempts_allowed:
        raise ConflictError(
            _(
                "You have taken the test of this campaign as often as it can be taken, without passing. "
                "Other campaigns are open to you; a reviewer can allow another try."
            ),
            code="not_qualified",
        )
