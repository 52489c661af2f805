"""What judging an item and comparing a pair have in common: a person's turn at it, under a lease."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class AssignmentState(models.TextChoices):
    LEASED = "leased", _("In progress")
    SUBMITTED = "submitted", _("Submitted")
    SKIPPED = "skipped", _("Skipped")
    EXPIRED = "expired", _("Lease expired")


class SkipReason(models.TextChoices):
    BROKEN = "broken", _("The media does not load or play")
    UNSAFE = "unsafe", _("I prefer not to look at this")
    UNCLEAR = "unclear", _("A question is unclear here")
    OTHER = "other", _("Other reason")


class Lease(models.Model):
    """One person's turn at one subject: an item to judge, or a pair to compare. A person gets a subject once.

    A subclass names the field of its subject, whose model has ``campaign`` and ``open_slots``.
    """

    subject_field: ClassVar[str]
    # Whether one that ran out or was skipped is taken up again only while its subject needs somebody.
    retaken_where_needed: ClassVar[bool] = True

    # The only name of it that its annotator is given: an id that counts up would tell gold from work.
    token = models.UUIDField(default=uuid.uuid4, db_default=RandomUUID(), unique=True, editable=False)
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="%(class)ss")
    state = models.CharField(max_length=10, choices=AssignmentState.choices, default=AssignmentState.LEASED)
    leased_at = models.DateTimeField(default=timezone.now)
    lease_expires_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True, blank=True)
    skip_reason = models.CharField(max_length=10, choices=SkipReason.choices, blank=True)
    skip_note = models.TextField(blank=True)

    class Meta:
        abstract = True

    @classmethod
    def subject_model(cls) -> Any:
        return cls._meta.get_field(cls.subject_field).related_model

    @property
    def subject_id(self) -> int:
        return int(getattr(self, f"{self.subject_field}_id"))

    @property
    def campaign(self) -> Any:
        return getattr(self, self.subject_field).campaign

    @property
    def is_test(self) -> bool:
        """Whether it belongs to the test that admits people to work."""
        return False
