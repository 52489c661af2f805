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
from annotator.campaigns.queries.work import (
    LEFT_COUNTED,
    Neighbours,
    Standing,
    done_today,
    left_for,
    my_assignment,
    neighbours,
    standing,
)

__all__ = [
    "LEFT_COUNTED",
    "JudgmentTable",
    "Neighbours",
    "OwnShare",
    "Standing",
    "campaign_progress",
    "done_today",
    "judgment_levels",
    "left_for",
    "my_assignment",
    "neighbours",
    "own_shares",
    "skips",
    "standing",
    "visible_campaigns",
    "with_progress",
]
