"""Who may do what. A role is a Django group; a superuser has every role; an admin may do what a reviewer may."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from annotator.accounts.models import Role

IMPLIED = {Role.ADMIN: {Role.ADMIN, Role.REVIEWER}, Role.REVIEWER: {Role.REVIEWER}, Role.ANNOTATOR: {Role.ANNOTATOR}}


def roles_of(user: Any) -> set[str]:
    """The roles a person acts in, implied ones included. Asked once per request."""
    if not user.is_authenticated or not user.is_active:
        return set()
    if not hasattr(user, "_roles"):
        if user.is_superuser:
            user._roles = {role.value for role in Role}
        else:
            names = set(user.groups.values_list("name", flat=True))
            user._roles = {str(implied) for role in Role if role.value in names for implied in IMPLIED[role]}
    return set(user._roles)


def has_role(user: Any, *roles: str) -> bool:
    return bool(roles_of(user) & {str(role) for role in roles})


def role_required(*roles: str) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """View decorator: signed in, and in one of the roles; otherwise the log-in page or 403."""

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        @login_required
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not has_role(request.user, *roles):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return decorate


class _RolePermission(BasePermission):
    roles: tuple[str, ...] = ()

    def has_permission(self, request: Request, view: Any) -> bool:
        return has_role(request.user, *self.roles)


class IsAnnotator(_RolePermission):
    roles = (Role.ANNOTATOR,)


class IsReviewer(_RolePermission):
    roles = (Role.REVIEWER, Role.ADMIN)


class IsAdmin(_RolePermission):
    roles = (Role.ADMIN,)
