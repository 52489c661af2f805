"""Every read of the trust app."""

from annotator.trust.queries.annotators import annotator_report
from annotator.trust.queries.consensus import ConsensusMethod, consensus_from, consensus_of, require_method
from annotator.trust.queries.review import review_item, review_queue
from annotator.trust.queries.savings import Savings, overlap_savings

__all__ = [
    "ConsensusMethod",
    "Savings",
    "annotator_report",
    "consensus_from",
    "consensus_of",
    "overlap_savings",
    "require_method",
    "review_item",
    "review_queue",
]
