"""Overlap that adapts: items whose answers disagree get further annotators, agreed ones stop early."""

from django.db import transaction
from django.db.models import F

from annotator.campaigns.models import AssignmentState, CampaignItem, Judgment, Purpose
from annotator.trust.agreement import agreement_share
from annotator.trust.services.gold import policy_of


@transaction.atomic
def extend_where_disputed(*, campaign_item_id: int) -> bool:
    """Ask one more annotator where an item's answers, all in, agree less than the campaign's bar. Returns whether."""
    item = CampaignItem.objects.select_for_update(of=("self",)).select_related("campaign").get(pk=campaign_item_id)
    policy = policy_of(item.campaign)
    if policy is None or policy.overlap_max is None or item.purpose != Purpose.WORK:
        return False
    if item.submitted < item.needed or item.needed >= policy.overlap_max:
        return False
    rows = Judgment.objects.filter(
        assignment__campaign_item=item, assignment__state=AssignmentState.SUBMITTED, assignment__counted=True
    ).values_list("sub_dimension", "level")
    if agreement_share(rows) >= policy.agreement_bar:
        return False
    CampaignItem.objects.filter(pk=item.pk).update(needed=F("needed") + 1, open_slots=F("open_slots") + 1)
    return True
