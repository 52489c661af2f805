"""What the header tells annotators: comments that they have not read."""

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import ngettext

from annotator.accounts.models import Role
from annotator.accounts.roles import has_role
from annotator.core.notices import Notice
from annotator.trust.queries import unread_comments


def new_comments(request: HttpRequest) -> Notice | None:
    """Tell an annotator how many comments they have not read."""
    if not has_role(request.user, Role.ANNOTATOR):
        return None
    n = unread_comments(request.user)
    return (
        Notice(ngettext("%(n)d new comment", "%(n)d new comments", n) % {"n": n}, reverse("trust:comments"))
        if n
        else None
    )
