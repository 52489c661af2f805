"""Who is asked what about which item: checklist versions, campaigns, assignments, judgments, flags, comparisons."""

from annotator.campaigns.models.answers import (
    Assignment,
    AssignmentState,
    Judgment,
    JudgmentChange,
    SkipReason,
    that_count,
)
from annotator.campaigns.models.campaigns import (
    DATA,
    Campaign,
    CampaignItem,
    CampaignKind,
    CampaignState,
    Purpose,
    QueueOrder,
)
from annotator.campaigns.models.checklists import ChecklistVersion, LevelExample
from annotator.campaigns.models.comparisons import Comparison, ComparisonChange, ComparisonPair, Preference
from annotator.campaigns.models.flags import Flag, FlagOutcome, FlagReason

__all__ = [
    "DATA",
    "Assignment",
    "AssignmentState",
    "Campaign",
    "CampaignItem",
    "CampaignKind",
    "CampaignState",
    "ChecklistVersion",
    "Comparison",
    "ComparisonChange",
    "ComparisonPair",
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
    "that_count",
]
