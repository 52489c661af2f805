"""API tokens: ``Authorization: Bearer <token>``."""

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from annotator.accounts.models import ApiToken, User, hash_token
from annotator.accounts.scopes import refusal
from annotator.accounts.second_factor import lacks_second_factor, words


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, token = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        row = ApiToken.objects.select_related("user").filter(token_hash=hash_token(token.strip())).first()
        now = timezone.now()
        if row is None or not row.user.is_active or (row.expires_at and row.expires_at <= now):
            raise AuthenticationFailed(gettext("This API token is unknown or has expired, or its owner is not active."))
        if reason := refusal(row.scopes, request.method or "GET", request.path):
            raise PermissionDenied(reason, code="scope")
        if lacks_second_factor(row.user):
            raise PermissionDenied(words(), code="second_factor")
        # Once a minute is enough to see which tokens are in use.
        if row.last_used_at is None or now - row.last_used_at > timedelta(minutes=1):
            ApiToken.objects.filter(pk=row.pk).update(last_used_at=now)
        return row.user, row

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
