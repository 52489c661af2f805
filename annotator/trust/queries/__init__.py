"""Every read of the trust app."""

from annotator.trust.queries.annotators import annotator_report
from annotator.trust.queries.comments import comments_on, comments_to, unread_comments
from annotator.trust.queries.consensus import ConsensusMethod, consensus_from, consensus_of, require_method
from annotator.trust.queries.review import ReviewItem, review_item, with_model
from annotator.trust.queries.review_queue import QueueFilters, list_disputed, review_queue
from annotator.trust.queries.reviewers import reviewer_rows
from annotator.trust.queries.savings import Savings, overlap_savings

__all__ = [
    "ConsensusMethod",
    "QueueFilters",
    "ReviewItem",
    "Savings",
    "annotator_report",
    "comments_on",
    "comments_to",
    "consensus_from",
    "consensus_of",
    "list_disputed",
    "overlap_savings",
    "require_method",
    "review_item",
    "review_queue",
    "reviewer_rows",
    "unread_comments",
    "with_model",
]
