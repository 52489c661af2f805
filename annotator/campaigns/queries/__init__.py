"""Every read of the campaigns app that is more than a lookup."""

from annotator.campaigns.queries.comparisons import (
    ComparisonSummary,
    PairProgress,
    Preferences,
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
    "ComparisonSummary",
    "JudgmentTable",
    "OwnShare",
    "PairProgress",
    "Preferences",
    "Standing",
    "campaign_progress",
    "campaign_to_work_in",
    "done_today",
    "judgment_levels",
    "may_annotate",
    "my_assignment",
    "comparison_summary",
    "count_pairs",
    "my_comparison",
    "my_comparisons",
    "pair_progress",
    "pair_results",
    "pairs_left",
    "own_shares",
    "preferences",
    "previous_comparison",
    "skips",
    "standing",
    "visible_campaigns",
    "with_progress",
]
