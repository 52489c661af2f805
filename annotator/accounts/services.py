"""Every write about people: roles, invitations, tokens."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotator.accounts import audit
from annotator.accounts.models import ApiToken, Invitation, Role, User, all_scopes, hash_token
from annotator.core.embedded import write_private
from annotator.core.errors import ConflictError, ProblemError

logger = logging.getLogger(__name__)

INVITATION_DAYS = 14
FIRST_PEOPLE = {"admin": Role.ADMIN, "reviewer": Role.REVIEWER, "ann": Role.ANNOTATOR, "bo": Role.ANNOTATOR}
# Without letters and digits that look alike: people type these from a terminal.
PASSWORD_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def ensure_roles() -> None:
    """Create the groups of the roles where they are missing."""
    for role in Role:
        Group.objects.get_or_create(name=role.value)


def ensure_user(
    *, username: str, roles: Iterable[str] = (), password: str | None = None, is_synthetic: bool = False
) -> tuple[User, bool]:
    """Find or create the person of this name.

    Returns the person and whether they were created. Only a new person gets the password.
    """
    with transaction.atomic():
        user, made = User.objects.get_or_create(username=username, defaults={"is_synthetic": is_synthetic})
        if made:
            if password:
                user.set_password(password)
            else:
                user.set_unusable_password()
            user.is_staff = user.is_superuser = Role.ADMIN in set(roles)
            user.save()
            set_roles(user=user, roles=roles)
    return user, made


@transaction.atomic
def set_roles(*, user: User, roles: Iterable[str], by: User | None = None) -> None:
    """Give a person exactly these roles.

    Raises:
        ProblemError: For an unknown role, and where the last admin would go.
    """
    wanted = {str(role) for role in roles}
    unknown = wanted - {role.value for role in Role}
    if unknown:
        raise ProblemError(
            _("There is no role %(names)s. The roles are annotator, reviewer, and admin.")
            % {"names": ", ".join(sorted(unknown))}
        )
    if by is not None and by.pk == user.pk and Role.ADMIN not in wanted:
        raise ProblemError(_("You cannot remove your own admin role. Ask another admin to do it."), code="last_admin")
    ensure_roles()
    before = rights_of(user)
    user.groups.set(Group.objects.filter(name__in=wanted))
    # The database admin pages are for admins only.
    user.is_staff = user.is_superuser = Role.ADMIN in wanted
    user.save(update_fields=["is_staff", "is_superuser"])
    after = rights_of(user)
    if after != before:
        audit.record(actor=by, action="roles.set", subject=user.username, before=before, after=after)


def rights_of(user: User) -> dict[str, Any]:
    """Describe what a person may do, as the audit log keeps it."""
    roles = sorted(Group.objects.filter(user=user.pk).values_list("name", flat=True))
    return {"roles": roles, "active": user.is_active}


@transaction.atomic
def set_active(*, user: User, active: bool, by: User) -> None:
    """Let a person in or keep them out; what they did stays."""
    if user.pk == by.pk:
        raise ProblemError(_("You cannot deactivate your own account."))
    before = rights_of(user)
    user.is_active = active
    user.save(update_fields=["is_active"])
    audit.record(actor=by, action="person.active", subject=user.username, before=before, after=rights_of(user))


def password_link(*, user: User, by: User) -> str:
    """Make a link where this person may choose a new password.

    Returns the path of a page. It works once, for three days, and only until the person signs in.
    """
    if user.is_synthetic:
        raise ProblemError(_("A synthetic annotator cannot sign in."))
    logger.info("password link made", extra={"for_user": user.pk, "by": by.pk})
    audit.record(actor=by, action="password.link", subject=user.username)
    key = default_token_generator.make_token(user)
    return reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(user), "key": key})


def invite(*, role: str, note: str, by: User) -> tuple[Invitation, str]:
    """Make a one-time invitation; returns it and its code, which cannot be read again."""
    code = secrets.token_urlsafe(24)
    invitation = Invitation.objects.create(
        code_hash=hash_token(code),
        role=role,
        note=note,
        invited_by=by,
        expires_at=timezone.now() + timedelta(days=INVITATION_DAYS),
    )
    audit.record(actor=by, action="invitation.made", subject=f"{role} {note}".strip(), after={"id": invitation.pk})
    return invitation, code


@transaction.atomic
def withdraw_invitation(*, invitation: Invitation, by: User) -> None:
    """Withdraw an invitation."""
    facts = {"id": invitation.pk, "role": invitation.role, "note": invitation.note}
    audit.record(actor=by, action="invitation.withdrawn", before=facts)
    invitation.delete()


def find_invitation(*, code: str) -> Invitation:
    """Find the open invitation behind a code.

    Raises:
        ProblemError: If it is unknown, used or too old.
    """
    invitation = Invitation.objects.filter(
        code_hash=hash_token(code), used_by=None, expires_at__gt=timezone.now()
    ).first()
    if invitation is None:
        raise ProblemError(
            _("This invitation is unknown, was already used, or has expired. Ask for a new one."), code="invitation"
        )
    return invitation


@transaction.atomic
def accept_invitation(*, invitation_id: int, user: User) -> None:
    """Use an invitation up for a new person, who gets its role."""
    invitation = Invitation.objects.select_for_update().filter(pk=invitation_id, used_by=None).first()
    if invitation is None or invitation.expires_at <= timezone.now():
        raise ConflictError(_("This invitation has just been used. Ask for a new one."), code="invitation")
    invitation.used_by = user
    invitation.save(update_fields=["used_by", "updated_at"])
    set_roles(user=user, roles=[invitation.role])


@transaction.atomic
def issue_token(*, user: User, name: str, days: int, scopes: Iterable[str]) -> tuple[ApiToken, str]:
    """Make an API token that lives for so many days.

    With 0 days the token never expires. Returns its record and the token itself, which is to be shown once.

    Raises:
        ProblemError: For an unknown scope or none, a life longer than API_TOKEN_MAX_DAYS, and a person who has
            API_TOKENS_EACH already.
    """
    wanted = [scope for scope in all_scopes() if scope in set(scopes)]
    if not wanted or set(scopes) - set(wanted):
        raise ProblemError(_("Choose at least one scope."), code="no_scope")
    longest = settings.API_TOKEN_MAX_DAYS
    if longest and not 0 < days <= longest:
        raise ProblemError(
            ngettext(
                "A token can be valid for at most %(n)d day.", "A token can be valid for at most %(n)d days.", longest
            )
            % {"n": longest},
            code="too_long",
        )
    User.objects.select_for_update().get(pk=user.pk)  # two requests at once are counted one after the other
    now = timezone.now()
    living = ApiToken.objects.filter(user=user).exclude(expires_at__lte=now).count()
    if living >= settings.API_TOKENS_EACH:
        raise ProblemError(
            ngettext(
                "You have %(n)d token, which is the maximum. Revoke it first.",
                "You have %(n)d tokens, which is the maximum. Revoke one first.",
                living,
            )
            % {"n": living},
            code="too_many",
        )
    row, token = ApiToken.issue(
        user=user, name=name, scopes=wanted, expires_at=now + timedelta(days=days) if days else None
    )
    audit.record(actor=user, action="token.made", subject=user.username, after=_token_facts(row))
    return row, token


@transaction.atomic
def revoke_token(*, token: ApiToken, by: User | None = None) -> None:
    """Revoke an API token."""
    audit.record(actor=by, action="token.revoked", subject=token.user.username, before=_token_facts(token))
    token.delete()


@transaction.atomic
def revoke_all_tokens(*, user: User, why: str) -> int:
    """Revoke every token of a person; returns how many there were."""
    tokens = list(ApiToken.objects.filter(user=user))
    for token in tokens:
        facts = _token_facts(token)
        audit.record(actor=user, action="token.revoked", subject=user.username, before=facts, after={"why": why})
        token.delete()
    return len(tokens)


def _token_facts(token: ApiToken) -> dict[str, Any]:
    until = token.expires_at.isoformat() if token.expires_at else None
    return {"name": token.name, "prefix": token.prefix, "scopes": token.scopes, "until": until}


@dataclass
class Login:
    """A first log-in. ``password`` is None where it was changed, or set before we came; then nobody can show it."""

    username: str
    role: str
    state: str  # "ready", "changed" or "removed"
    password: str | None = None
    encoded: str = ""  # the stored hash, so that an unchanged password is recognized without hashing again


@transaction.atomic
def create_logins(*, keep_in: Path) -> list[Login]:
    """Create the first people with generated passwords, once.

    The logins are kept in a file that only its owner can read. A person who was removed since stays removed, and a
    password that was changed since is forgotten here.
    """
    ensure_roles()
    try:
        known = {row["username"]: Login(**row) for row in json.loads(keep_in.read_text())}
    except (OSError, ValueError, TypeError, KeyError):
        known = {}
    people = User.objects.in_bulk(list(FIRST_PEOPLE), field_name="username")
    if not people:
        known = {}  # a new or emptied database: the file is about another one
    logins = []
    for username, role in FIRST_PEOPLE.items():
        user, login = people.get(username), known.get(username)
        if user is None and login is not None:
            login = Login(username, role.value, "removed")
        elif user is None:
            password = "-".join("".join(secrets.choice(PASSWORD_LETTERS) for _ in range(5)) for _ in range(3))
            user, _made = ensure_user(username=username, roles=[role], password=password)
            login = Login(username, role.value, "ready", password, user.password)
        elif login is None or not login.password:
            login = Login(username, role.value, "changed")
        elif user.password != login.encoded:
            # Django hashes anew when it strengthens its hashing; only the password itself tells.
            if user.check_password(login.password):
                login.encoded = user.password
            else:
                login = Login(username, role.value, "changed")
        logins.append(login)
    write_private(keep_in, json.dumps([asdict(login) for login in logins], indent=1))
    return logins
