"""How allauth signs people up here: by invitation, unless the installation is opened."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest

from annotator.accounts import services
from annotator.accounts.models import Role, User


class InvitationOnlyAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.OPEN_SIGNUP or request.session.get("invitation_id"))

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        user = super().save_user(request, user, form, commit)
        invitation_id = request.session.pop("invitation_id", None)
        if invitation_id:
            services.accept_invitation(invitation_id=invitation_id, user=user)
        else:
            services.set_roles(user=user, roles=[Role.ANNOTATOR])
        return user
