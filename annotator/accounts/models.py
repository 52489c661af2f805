"""People, and the tokens their programs use."""

import secrets
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotator.core.models import TimeStamped
from reward_engine.storage import sha256


class Role(models.TextChoices):
    """A person's role is a Django group of this name."""

    ANNOTATOR = "annotator", _("Annotator")
    REVIEWER = "reviewer", _("Reviewer")
    ADMIN = "admin", _("Admin")


class User(AbstractUser):
    """A person, or a synthetic annotator (``is_synthetic``) whose answers are made by a script."""

    is_synthetic = models.BooleanField(
        default=False, help_text="The answers come from a script with a known error rate."
    )

    @property
    def display_name(self) -> str:
        return self.get_full_name() or self.username


class Scope(models.TextChoices):
    """What a token may be used for, within what its owner may do."""

    READ = "read", _("Read")
    ANNOTATE = "annotate", _("Annotate: take items, answer, submit")
    IMPORT = "import", _("Import media and prompts")
    TRAIN = "train", _("Train, score, generate and export")
    ADMIN = "admin", _("Everything else: campaigns, policies, promotions")


def all_scopes() -> list[str]:
    return [scope.value for scope in Scope]


def hash_token(token: str) -> str:
    """sha256 is enough for a token of 256 random bits: there is nothing to guess."""
    return sha256(token.encode())


class ApiToken(TimeStamped):
    """A key for programs. Only its hash is kept; the token itself is shown once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField(max_length=8, editable=False)
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope.choices), default=all_scopes)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @classmethod
    def issue(
        cls, *, user: User, name: str, expires_at: datetime | None = None, scopes: list[str] | None = None
    ) -> tuple["ApiToken", str]:
        """Make a token; returns the row and the token itself, which cannot be read again. No scopes given: all."""
        token = secrets.token_urlsafe(32)
        row = cls.objects.create(
            user=user,
            name=name,
            token_hash=hash_token(token),
            prefix=token[:8],
            expires_at=expires_at,
            scopes=all_scopes() if scopes is None else scopes,
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


class AuditEvent(models.Model):
    """One sensitive act: who did what to whom, with what was there before and after. Rows are only ever added.

    People are named, not referred to, so that a row stays as it is when an account goes. The database refuses changes
    and deletions by a trigger; the methods here refuse them in words.
    """

    at = models.DateTimeField(auto_now_add=True)
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=150, blank=True)
    action = models.CharField(max_length=40)
    subject = models.CharField(max_length=200, blank=True)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.action} by {self.actor_name or 'nobody'}: {self.subject}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise TypeError("The audit log is only added to.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("The audit log is only added to.")
