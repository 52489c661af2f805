"""Every write of the trust app."""

from annotator.trust.services.adjudication import adjudicate
from annotator.trust.services.admission import require_standing, warn_of_haste
from annotator.trust.services.after_submission import follow_up, follow_up_on
from annotator.trust.services.claims import claim_next, claim_review
from annotator.trust.services.comments import comment_on, mark_comments_read
from annotator.trust.services.gold import choose_gold, lift_pause, pause
from annotator.trust.services.haste import notice_haste
from annotator.trust.services.known_answers import forget_known_answers, set_known_answers
from annotator.trust.services.policies import allow_another_try, set_policy
from annotator.trust.services.qualification import choose_qualification, mark_test, mark_whole_tests
from annotator.trust.services.reviews import finish_review

__all__ = [
    "adjudicate",
    "allow_another_try",
    "choose_gold",
    "choose_qualification",
    "claim_next",
    "claim_review",
    "comment_on",
    "finish_review",
    "follow_up",
    "follow_up_on",
    "forget_known_answers",
    "lift_pause",
    "mark_comments_read",
    "mark_test",
    "mark_whole_tests",
    "notice_haste",
    "pause",
    "require_standing",
    "set_known_answers",
    "set_policy",
    "warn_of_haste",
]
