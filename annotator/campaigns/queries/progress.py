"""How far campaigns are."""

from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum

from annotator.accounts.models import Role
from annotator.accounts.roles import has_role
from annotator.campaigns.models import Assignment, AssignmentState, Campaign, CampaignState


def visible_campaigns(user: Any) -> QuerySet[Campaign]:
    """Reviewers see every campaign, annotators those that are open and those they have worked in."""
    campaigns = Campaign.objects.select_related("checklist_version")
    if has_role(user, Role.REVIEWER, Role.ADMIN):
        return campaigns
    if not has_role(user, Role.ANNOTATOR):
        return campaigns.none()
    mine = Assignment.objects.filter(annotator=user).values("campaign_item__campaign")
    return campaigns.filter(Q(state=CampaignState.OPEN) | Q(pk__in=mine)).exclude(state=CampaignState.DRAFT)


def with_progress(campaigns: QuerySet[Campaign]) -> QuerySet[Campaign]:
    """Adds ``items_count``, ``needed_count``, ``submitted_count`` and ``complete_count``."""
    return campaigns.annotate(
        items_count=Count("campaign_items"),
        needed_count=Sum("campaign_items__needed", default=0),
        submitted_count=Sum("campaign_items__submitted", default=0),
        complete_count=Count("campaign_items", filter=Q(campaign_items__submitted__gte=F("campaign_items__needed"))),
    )


def campaign_progress(campaign: Campaign) -> dict[str, Any]:
    """Counts of one campaign, and who has done how much."""
    counts = with_progress(Campaign.objects.filter(pk=campaign.pk)).values(
        "items_count", "needed_count", "submitted_count", "complete_count"
    )[0]
    states = dict(
        Assignment.objects.filter(campaign_item__campaign=campaign)
        .order_by().values_list("state").annotate(n=Count("pk"))
    )  # fmt: skip
    people = (
        Assignment.objects.filter(campaign_item__campaign=campaign)
        .values("annotator__username", "annotator__is_synthetic")
        .annotate(
            submitted=Count("pk", filter=Q(state=AssignmentState.SUBMITTED)),
            skipped=Count("pk", filter=Q(state=AssignmentState.SKIPPED)),
            leased=Count("pk", filter=Q(state=AssignmentState.LEASED)),
        )
        .order_by("-submitted", "annotator__username")
    )
    return {**counts, "states": states, "people": list(people[:100])}
