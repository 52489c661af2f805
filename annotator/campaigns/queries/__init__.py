"""Every read of the campaigns app that is more than a lookup."""

from annotator.campaigns.queries.levels import JudgmentTable, judgment_levels
from annotator.campaigns.queries.progress import campaign_progress, visible_campaigns
from annotator.campaigns.queries.work import Neighbours, done_today, my_assignment, neighbours

__all__ = [
    "JudgmentTable",
    "Neighbours",
    "campaign_progress",
    "done_today",
    "judgment_levels",
    "my_assignment",
    "neighbours",
    "visible_campaigns",
]
