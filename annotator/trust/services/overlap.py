"""Overlap that adapts: items whose answers disagree get further annotators, agreed ones stop early."""

from django.db import transaction
from django.db.models import F

from annotator.campaigns.models import Assignment, AssignmentState, CampaignItem, Judgment, Purpose
from annotator.trust.agreement import agreement_share
from annotator.trust.models import TrustPolicy
from annotator.trust.services.gold import policy_of


def extend_where_disputed(*, campaign_item: CampaignItem) -> bool:
    """Ask for one more annotator where answers disagree.

    It does so once all answers of an item are in and agree less than the campaign's bar. Returns whether it did.
    """
    policy = policy_of(campaign_item.campaign)
    if policy is None or policy.overlap_max is None or campaign_item.purpose != Purpose.WORK:
        return False  # most campaigns: nobody's row is locked for them
    return _extend(campaign_item, policy, policy.overlap_max)


@transaction.atomic
def _extend(campaign_item: CampaignItem, policy: TrustPolicy, most: int) -> bool:
    item = CampaignItem.objects.select_for_update().get(pk=campaign_item.pk)
    submitted = Assignment.objects.filter(campaign_item=item, state=AssignmentState.SUBMITTED, counted=True)
    if item.needed >= most or submitted.count() < item.needed:
        return False
    rows = Judgment.objects.filter(assignment__in=submitted).values_list("sub_dimension", "level")
    if agreement_share(rows) >= policy.agreement_bar:
        return False
    CampaignItem.objects.filter(pk=item.pk).update(needed=F("needed") + 1, open_slots=F("open_slots") + 1)
    return True
