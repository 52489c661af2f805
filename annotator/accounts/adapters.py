"""How allauth signs people up here: by invitation, unless the installation is opened."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest

from annotator.accounts import services, slowing
from annotator.accounts.models import Role, User


class InvitationOnlyAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.OPEN_SIGNUP or request.session.get("invitation_id"))

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        slowing.wait(request)
        super().pre_authenticate(request, **credentials)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        slowing.note_failure(request)
        super().authentication_failed(request, **credentials)

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        user = super().save_user(request, user, form, commit)
        invitation_id = request.session.pop("invitation_id", None)
        if invitation_id:
            services.accept_invitation(invitation_id=invitation_id, user=user)
        else:
            services.set_roles(user=user, roles=[Role.ANNOTATOR])
        return user
