"""Comments of reviewers to annotators."""

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator.campaigns.models import Assignment
from annotator.core.errors import ProblemError
from annotator.trust.models import ReviewComment

LONGEST = 2000


@transaction.atomic
def comment_on(*, assignment: Assignment, author: Any, text: str) -> ReviewComment:
    """Tell an annotator something about their answers to an item.

    Raises:
        ProblemError: For an empty comment, or one that is too long.
    """
    text = text.strip()
    if not text:
        raise ProblemError(_("Write a comment first."), code="no_comment")
    if len(text) > LONGEST:
        raise ProblemError(
            _("The comment has %(n)d characters; %(most)d are allowed. Shorten it.")
            % {"n": len(text), "most": LONGEST},
            code="long_comment",
        )
    return ReviewComment.objects.create(
        assignment=assignment, annotator_id=assignment.annotator_id, author=author, text=text
    )


@transaction.atomic
def mark_comments_read(*, annotator: Any, comment: int | None = None) -> int:
    """Mark comments to this annotator as read.

    Args:
        comment: The one to mark; None: all of them.

    Returns:
        How many had not been read.
    """
    unread = ReviewComment.objects.filter(annotator=annotator, read_at=None)
    if comment is not None:
        unread = unread.filter(pk=comment)
    return unread.update(read_at=timezone.now())
