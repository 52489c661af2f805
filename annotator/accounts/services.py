"""Every write about people: roles, invitations, tokens."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.contrib.auth.models import Group
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from annotator.accounts.models import ApiToken, Invitation, Role, User, hash_token
from annotator.core.embedded import write_private
from annotator.core.errors import ConflictError, ProblemError

logger = logging.getLogger(__name__)

INVITATION_DAYS = 14
FIRST_PEOPLE = {"admin": Role.ADMIN, "reviewer": Role.REVIEWER, "ann": Role.ANNOTATOR, "bo": Role.ANNOTATOR}
# Without letters and digits that look alike: people type these from a terminal.
PASSWORD_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def ensure_roles() -> None:
    """The groups behind the roles exist."""
    for role in Role:
        Group.objects.get_or_create(name=role.value)


def ensure_user(
    *, username: str, roles: Iterable[str] = (), password: str | None = None, is_synthetic: bool = False
) -> tuple[User, bool]:
    """The person of this name, made where there is none; returns (person, made). The password is for a new one only."""
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
    """Give a person exactly these roles. Raises ProblemError for an unknown role, and where the last admin would go."""
    wanted = {str(role) for role in roles}
    unknown = wanted - {role.value for role in Role}
    if unknown:
        raise ProblemError(
            f"There is no role {', '.join(sorted(unknown))}. The roles are annotator, reviewer and admin."
        )
    if by is not None and by.pk == user.pk and Role.ADMIN not in wanted:
        raise ProblemError(
            "You cannot take the admin role from yourself. Ask another admin to do it.", code="last_admin"
        )
    ensure_roles()
    user.groups.set(Group.objects.filter(name__in=wanted))
    # The database admin pages are for admins only.
    user.is_staff = user.is_superuser = Role.ADMIN in wanted
    user.save(update_fields=["is_staff", "is_superuser"])


def set_active(*, user: User, active: bool, by: User) -> None:
    """Let a person in or keep them out; what they did stays."""
    if user.pk == by.pk:
        raise ProblemError("You cannot shut yourself out.")
    user.is_active = active
    user.save(update_fields=["is_active"])


def password_link(*, user: User, by: User) -> str:
    """The path of a page where this person may choose a new password: for three days, once, until they sign in."""
    if user.is_synthetic:
        raise ProblemError("A synthetic annotator never signs in.")
    logger.info("password link made", extra={"for_user": user.pk, "by": by.pk})
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
    return invitation, code


def find_invitation(*, code: str) -> Invitation:
    """The open invitation behind a code. Raises ProblemError where it is unknown, used or too old."""
    invitation = Invitation.objects.filter(
        code_hash=hash_token(code), used_by=None, expires_at__gt=timezone.now()
    ).first()
    if invitation is None:
        raise ProblemError(
            "This invitation is not known, was used already, or is too old. Ask for a new one.", code="invitation"
        )
    return invitation


@transaction.atomic
def accept_invitation(*, invitation_id: int, user: User) -> None:
    """Use an invitation up for a new person, who gets its role."""
    invitation = Invitation.objects.select_for_update().filter(pk=invitation_id, used_by=None).first()
    if invitation is None or invitation.expires_at <= timezone.now():
        raise ConflictError("This invitation was used meanwhile. Ask for a new one.", code="invitation")
    invitation.used_by = user
    invitation.save(update_fields=["used_by", "updated_at"])
    set_roles(user=user, roles=[invitation.role])


def revoke_token(*, token: ApiToken) -> None:
    token.delete()


@dataclass
class Login:
    """A first log-in. ``password`` is None where it was changed, or set before we came; then nobody can show it."""

    username: str
    role: str
    state: str  # "ready", "changed" or "removed"
    password: str | None = None
    encoded: str = ""  # the stored hash, so that an unchanged password is recognised without hashing again


@transaction.atomic
def create_logins(*, keep_in: Path) -> list[Login]:
    """Make the first people with generated passwords, once; what was made is kept in a file only its owner can read.

    A person who was removed since stays removed, and a password changed since is forgotten here.
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
