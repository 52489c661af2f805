"""Every read of the campaigns app that is more than a lookup."""

from annotator.campaigns.queries.ahead import leased_ahead
from annotator.campaigns.queries.comparisons import (
    PairProgress,
    comparison_summary,
    count_pairs,
    my_comparison,
    my_comparisons,
    pair_progress,
    pair_results,
    pairs_left,
    preferences,
    previous_comparison,
)
from annotator.campaigns.queries.flags import flags, open_flags
from annotator.campaigns.queries.items import SHOWN, items_counted, items_of, troubles_of
from annotator.campaigns.queries.levels import JudgmentTable, judgment_levels
from annotator.campaigns.queries.progress import (
    LEFT_COUNTED,
    OwnShare,
    add_progress,
    campaign_progress,
    own_shares,
    visible_campaigns,
)
from annotator.campaigns.queries.suggestions import suggestion_bias
from annotator.campaigns.queries.work import (
    answer_progress,
    campaign_to_work_in,
    done_today,
    my_assignment,
)

__all__ = [
    "LEFT_COUNTED",
    "SHOWN",
    "JudgmentTable",
    "OwnShare",
    "PairProgress",
    "add_progress",
    "answer_progress",
    "campaign_progress",
    "campaign_to_work_in",
    "comparison_summary",
    "count_pairs",
    "done_today",
    "flags",
    "items_counted",
    "items_of",
    "judgment_levels",
    "leased_ahead",
    "my_assignment",
    "my_comparison",
    "my_comparisons",
    "open_flags",
    "own_shares",
    "pair_progress",
    "pair_results",
    "pairs_left",
    "preferences",
    "previous_comparison",
    "suggestion_bias",
    "troubles_of",
    "visible_campaigns",
]
