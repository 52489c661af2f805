"""Every read of the trust app."""

from annotator.trust.queries.annotators import AnnotatorRow, annotator_report
from annotator.trust.queries.consensus import ConsensusMethod, consensus_from, consensus_of, require_method
from annotator.trust.queries.pauses import unseen_pauses
from annotator.trust.queries.review import ReviewItem, ReviewRow, review_item, review_queue
from annotator.trust.queries.savings import Savings, overlap_savings

__all__ = [
    "AnnotatorRow",
    "ConsensusMethod",
    "ReviewItem",
    "ReviewRow",
    "Savings",
    "annotator_report",
    "consensus_from",
    "consensus_of",
    "overlap_savings",
    "require_method",
    "review_item",
    "review_queue",
    "unseen_pauses",
]
