"""Who is asked what about which item: checklist versions, campaigns, assignments, judgments, flags, comparisons."""

from annotator.campaigns.models.answers import (
    Assignment,
    Judgment,
    JudgmentChange,
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
from annotator.campaigns.models.comparisons import ComparisonPair, HumanComparison, HumanComparisonChange, Preference
from annotator.campaigns.models.flags import Flag, FlagOutcome, FlagReason
from annotator.campaigns.models.leases import AssignmentState, Lease, SkipReason

__all__ = [
    "DATA",
    "Assignment",
    "AssignmentState",
    "Campaign",
    "CampaignItem",
    "CampaignKind",
    "CampaignState",
    "ChecklistVersion",
    "ComparisonPair",
    "Flag",
    "FlagOutcome",
    "FlagReason",
    "HumanComparison",
    "HumanComparisonChange",
    "Judgment",
    "JudgmentChange",
    "Lease",
    "LevelExample",
    "Preference",
    "Purpose",
    "QueueOrder",
    "SkipReason",
    "that_count",
]
