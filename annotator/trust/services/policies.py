"""A campaign's trust policy."""

from typing import Any

from django.db import transaction

from annotator.campaigns.models import Assignment, Campaign, Purpose
from annotator.trust.models import QualificationAttempt, TrustPolicy


@transaction.atomic
def set_policy(*, campaign: Campaign, **fields: Any) -> TrustPolicy:
    """Set the trust policy of a campaign."""
    policy, _ = TrustPolicy.objects.update_or_create(campaign=campaign, defaults=fields)
    return policy


@transaction.atomic
def allow_another_try(*, campaign: Campaign, annotator: Any) -> None:
    """Let somebody who has used up their tries take the test again.

    The failed tries do not count any more. They stay on record, so that the next test is made of items they have not
    seen, where there are any.
    """
    failed = QualificationAttempt.objects.filter(campaign=campaign, annotator=annotator, passed=False, forgiven=False)
    if failed.update(forgiven=True):
        Assignment.objects.filter(
            annotator=annotator, campaign_item__campaign=campaign, campaign_item__purpose=Purpose.QUALIFICATION
        ).delete()
