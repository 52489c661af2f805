"""Every write of the campaigns app."""

from annotator.campaigns.services.campaigns import add_items, create_campaign, next_states, set_state
from annotator.campaigns.services.checklists import load_builtin_checklists, load_checklist_text, store_checklist
from annotator.campaigns.services.comparisons import record_comparison
from annotator.campaigns.services.judgments import Saved, record_judgment
from annotator.campaigns.services.leases import lease_next_item, release_expired_leases
from annotator.campaigns.services.ordering import set_priorities, set_queue_order
from annotator.campaigns.services.submissions import skip_assignment, submit_assignment, take_up_again

__all__ = [
    "Saved",
    "add_items",
    "create_campaign",
    "lease_next_item",
    "load_builtin_checklists",
    "load_checklist_text",
    "next_states",
    "record_comparison",
    "record_judgment",
    "release_expired_leases",
    "set_priorities",
    "set_queue_order",
    "set_state",
    "skip_assignment",
    "store_checklist",
    "submit_assignment",
    "take_up_again",
]
