"""Who is asked what about which item: checklist versions, campaigns, assignments, judgments, flags, comparisons."""

from annotator.campaigns.models.answers import (
    Assignment,
    AssignmentState,
    Judgment,
    JudgmentChange,
    SkipReason,
)
from annotator.campaigns.models.campaigns import Campaign, CampaignItem, CampaignState, Purpose, QueueOrder
from annotator.campaigns.models.checklists import ChecklistVersion, LevelExample
from annotator.campaigns.models.comparisons import Comparison, Preference
from annotator.campaigns.models.flags import Flag, FlagOutcome, FlagReason

__all__ = [
    "Assignment",
    "AssignmentState",
    "Campaign",
    "CampaignItem",
    "CampaignState",
    "ChecklistVersion",
    "Comparison",
    "Flag",
    "FlagOutcome",
    "FlagReason",
    "Judgment",
    "JudgmentChange",
    "LevelExample",
    "Preference",
    "Purpose",
    "QueueOrder",
    "SkipReason",
]
