"""What every template knows about the person asking."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from annotator.accounts.roles import roles_of


def roles(request: HttpRequest) -> dict[str, Any]:
    """``person_roles``: the roles the person acts in; asked for only where a template looks."""
    return {"person_roles": SimpleLazyObject(lambda: roles_of(request.user))}
