"""Every write of the campaigns app."""

from annotator.campaigns.services.campaigns import add_items, create_campaign, next_states, set_state
from annotator.campaigns.services.checklists import load_builtin_checklists, load_checklist_text, store_checklist
from annotator.campaigns.services.comparisons import (
    lease_next_pair,
    record_comparison,
    release_expired_pairs,
    skip_comparison,
    take_up_pair_again,
)
from annotator.campaigns.services.examples import (
    EXAMPLES_A_LEVEL,
    add_example,
    change_example,
    remove_example,
    require_level,
    take_over_examples,
)
from annotator.campaigns.services.flags import flag_item, reopen_flag, settle_flag, withdraw_flag
from annotator.campaigns.services.judgments import Act, Saved, record_judgment, record_judgments
from annotator.campaigns.services.leases import lease_next_item, release_expired_leases
from annotator.campaigns.services.ordering import set_priorities, set_queue_order
from annotator.campaigns.services.pairs import add_pairs, create_comparison_campaign
from annotator.campaigns.services.submissions import (
    skip_assignment,
    submit_assignment,
    submit_with_judgments,
    take_up_again,
)
from annotator.campaigns.services.suggestions import set_suggestions
from annotator.campaigns.services.withdrawal import put_back, take_out

__all__ = [
    "EXAMPLES_A_LEVEL",
    "Act",
    "Saved",
    "add_example",
    "add_items",
    "add_pairs",
    "change_example",
    "create_campaign",
    "create_comparison_campaign",
    "flag_item",
    "lease_next_item",
    "lease_next_pair",
    "load_builtin_checklists",
    "load_checklist_text",
    "next_states",
    "put_back",
    "record_comparison",
    "record_judgment",
    "record_judgments",
    "release_expired_leases",
    "release_expired_pairs",
    "remove_example",
    "reopen_flag",
    "require_level",
    "set_priorities",
    "set_queue_order",
    "set_state",
    "set_suggestions",
    "settle_flag",
    "skip_assignment",
    "skip_comparison",
    "store_checklist",
    "submit_assignment",
    "submit_with_judgments",
    "take_out",
    "take_over_examples",
    "take_up_again",
    "take_up_pair_again",
    "withdraw_flag",
]
