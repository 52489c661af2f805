"""The person behind a request."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from annotator.accounts.models import User


class SignedInRequest(HttpRequest):
    """A request behind ``login_required`` or ``role_required``."""

    user: User


def person_of(request: HttpRequest) -> User:
    """Find out who has signed in.

    Raises:
        PermissionDenied: Nobody has.
    """
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user
