"""Every read of the campaigns app that is more than a lookup."""

from annotator.campaigns.queries.levels import JudgmentTable, judgment_levels
from annotator.campaigns.queries.progress import (
    OwnShare,
    campaign_progress,
    own_shares,
    skips,
    visible_campaigns,
    with_progress,
)
from annotator.campaigns.queries.work import Neighbours, done_today, my_assignment, neighbours

__all__ = [
    "JudgmentTable",
    "Neighbours",
    "OwnShare",
    "campaign_progress",
    "done_today",
    "judgment_levels",
    "my_assignment",
    "neighbours",
    "own_shares",
    "skips",
    "visible_campaigns",
    "with_progress",
]
