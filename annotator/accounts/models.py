"""People, and the tokens their programs use."""

import hashlib
import secrets

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotator.core.models import TimeStamped


class Role(models.TextChoices):
    """A person's role is a Django group of this name."""

    ANNOTATOR = "annotator", _("Annotator")
    REVIEWER = "reviewer", _("Reviewer")
    ADMIN = "admin", _("Admin")


class User(AbstractUser):
    """A person, or a synthetic annotator (``is_synthetic``) whose answers are made by a script."""

    is_synthetic = models.BooleanField(
        default=False, help_text="Answers come from a script with a known error rate, not from a person."
    )

    @property
    def display_name(self) -> str:
        return self.get_full_name() or self.username


def hash_token(token: str) -> str:
    """sha256 is enough for a token of 256 random bits: there is nothing to guess."""
    return hashlib.sha256(token.encode()).hexdigest()


class ApiToken(TimeStamped):
    """A key for programs. Only its hash is kept; the token itself is shown once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField(max_length=8, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @classmethod
    def issue(cls, *, user: User, name: str, expires_at: "timezone.datetime | None" = None) -> tuple["ApiToken", str]:
        """Make a token; returns the row and the token itself, which cannot be read again."""
        token = secrets.token_urlsafe(32)
        row = cls.objects.create(
            user=user, name=name, token_hash=hash_token(token), prefix=token[:8], expires_at=expires_at
        )
        return row, token


class Invitation(TimeStamped):
    """Sign-up is by invitation: a one-time link that carries a role."""

    code_hash = models.CharField(max_length=64, unique=True, editable=False)
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.ANNOTATOR)
    note = models.CharField(max_length=200, blank=True)
    invited_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="invitations_sent")
    expires_at = models.DateTimeField()
    used_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="invitation", editable=False
    )

    def __str__(self) -> str:
        return f"{self.get_role_display()} by {self.invited_by}"
