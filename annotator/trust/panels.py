"""What a campaign's page says about trust: to reviewers how it stands, to annotators what comes first."""

from typing import Any

from django.http import HttpRequest

from annotator.accounts.models import Role
from annotator.accounts.requests import person_of
from annotator.accounts.roles import has_role
from annotator.campaigns.models import Campaign, Purpose
from annotator.trust.models import AnnotatorStanding, AnnotatorStandingState, QualificationAttempt
from annotator.trust.services.gold import policy_of


def for_campaign(request: HttpRequest, campaign: Campaign) -> dict[str, Any] | None:
    reviewer = has_role(request.user, Role.REVIEWER, Role.ADMIN)
    policy = policy_of(campaign)
    context: dict[str, Any] = {"policy": policy, "is_reviewer": reviewer}
    if has_role(request.user, Role.ANNOTATOR) and policy is not None:
        annotator = person_of(request)
        context["paused"] = AnnotatorStanding.objects.filter(
            campaign=campaign, annotator=annotator, state=AnnotatorStandingState.PAUSED
        ).exists()
        if policy.require_qualification:
            attempts = list(QualificationAttempt.objects.filter(campaign=campaign, annotator=annotator, forgiven=False))
            context["attempts"] = attempts
            context["passed"] = any(attempt.passed for attempt in attempts)
            context["test_items"] = campaign.campaign_items.filter(purpose=Purpose.QUALIFICATION).count()
            context["pass_percent"] = round(100 * policy.pass_share)
            context["tries_left"] = max(policy.attempts_allowed - len(attempts), 0)
    if reviewer:
        context["paused_people"] = AnnotatorStanding.objects.filter(
            campaign=campaign, state=AnnotatorStandingState.PAUSED
        ).count()
        context["gold"] = campaign.campaign_items.filter(purpose=Purpose.GOLD).count()
    elif policy is None or not (context.get("paused") or context.get("test_items")):
        return None
    return context
