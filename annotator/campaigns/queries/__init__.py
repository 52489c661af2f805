"""Every read of the campaigns app that is more than a lookup."""

from annotator.campaigns.queries.comparisons import Pair, Preferences, next_pair, preferences
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
    Standing,
    campaign_to_work_in,
    done_today,
    may_annotate,
    my_assignment,
    standing,
)

__all__ = [
    "LEFT_COUNTED",
    "JudgmentTable",
    "OwnShare",
    "Pair",
    "Preferences",
    "Standing",
    "campaign_progress",
    "campaign_to_work_in",
    "done_today",
    "judgment_levels",
    "may_annotate",
    "my_assignment",
    "next_pair",
    "own_shares",
    "preferences",
    "skips",
    "standing",
    "visible_campaigns",
    "with_progress",
]
