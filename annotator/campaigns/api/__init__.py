"""Campaigns for programs: checklists, campaigns, and an annotator's own work."""

from annotator.campaigns.api.assignments import AssignmentViewSet
from annotator.campaigns.api.campaigns import CampaignViewSet
from annotator.campaigns.api.checklists import ChecklistViewSet
from annotator.campaigns.api.comparisons import ComparisonCampaignViewSet, HumanComparisonViewSet
from annotator.campaigns.api.flags import FlagViewSet

__all__ = [
    "AssignmentViewSet",
    "CampaignViewSet",
    "ChecklistViewSet",
    "ComparisonCampaignViewSet",
    "FlagViewSet",
    "HumanComparisonViewSet",
]
