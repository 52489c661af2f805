"""How allauth signs people up here: by invitation, unless the installation is opened."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from annotator.accounts import reauthentication, services, sign_in_delay
from annotator.accounts.models import Role, User
from annotator.core.errors import ConflictError


class InvitationOnlyAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.OPEN_SIGNUP or request.session.get("invitation_id"))

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """For every sensitive act, allauth's own and ours: signing in a moment ago counts."""
        return super().is_reauthentication_required(app=app, **kwargs) and not reauthentication.shown_lately(
            context.request
        )

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        sign_in_delay.wait(request)
        super().pre_authenticate(request, **credentials)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        sign_in_delay.note_failure(request)
        super().authentication_failed(request, **credentials)

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """The account and its role, or neither: whoever comes second with an invitation gets words and no account."""
        invitation_id = request.session.get("invitation_id")
        try:
            with transaction.atomic():
                user = super().save_user(request, user, form, commit)
                if invitation_id:
                    services.accept_invitation(invitation_id=invitation_id, user=user)
                elif settings.OPEN_SIGNUP:
                    services.set_roles(user=user, roles=[Role.ANNOTATOR])
                else:
                    raise ConflictError(_("New people join by invitation. Ask an admin for a link."), code="invitation")
        except ConflictError as problem:
            request.session.pop("invitation_id", None)
            messages.error(request, problem.message)
            raise ImmediateHttpResponse(redirect("account_login")) from problem
        except IntegrityError as problem:
            messages.error(request, _("Someone has just taken this name. Choose another one."))
            raise ImmediateHttpResponse(redirect("account_signup")) from problem
        request.session.pop("invitation_id", None)
        return user
