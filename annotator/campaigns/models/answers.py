"""Who works on what, and what they answer."""

import uuid

from django.conf import settings
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotator.campaigns.models.campaigns import DATA, CampaignItem


class AssignmentState(models.TextChoices):
    LEASED = "leased", _("In work")
    SUBMITTED = "submitted", _("Submitted")
    SKIPPED = "skipped", _("Skipped")
    EXPIRED = "expired", _("Lease expired")


class SkipReason(models.TextChoices):
    BROKEN = "broken", _("The media does not show or play")
    UNSAFE = "unsafe", _("I do not want to look at this")
    UNCLEAR = "unclear", _("A question is unclear here")
    OTHER = "other", _("Another reason")


class Assignment(models.Model):
    """One annotator's work on one item: their annotation. A person gets an item of a campaign once."""

    campaign_item = models.ForeignKey(CampaignItem, on_delete=models.CASCADE, related_name="assignments")
    # The only name of the item that its annotator is given: an id that counts up would tell gold from work.
    token = models.UUIDField(default=uuid.uuid4, db_default=RandomUUID(), unique=True, editable=False)
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="assignments")
    state = models.CharField(max_length=10, choices=AssignmentState.choices, default=AssignmentState.LEASED)
    leased_at = models.DateTimeField(default=timezone.now)
    lease_expires_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True, blank=True)
    counted = models.BooleanField(
        default=True, help_text="False while a reviewer has put this annotation aside and its item up again."
    )
    skip_reason = models.CharField(max_length=10, choices=SkipReason.choices, blank=True)
    skip_note = models.TextField(blank=True)
    # What the reward model said when the item was handed out: {sub-dimension: level}; null where it was not asked.
    suggestions = models.JSONField(null=True, blank=True)
    suggested_by = models.CharField(max_length=100, blank=True, help_text="The version of the reward model.")
    suggestions_shown = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign_item", "annotator"], name="assignment_once_per_person"),
        ]
        indexes = [
            # "What was I working on": an annotator's open leases.
            models.Index(
                fields=["annotator", "lease_expires_at"], name="assignment_leased", condition=Q(state="leased")
            ),
            # The sweep of expired leases.
            models.Index(fields=["lease_expires_at"], name="assignment_lease_expiry", condition=Q(state="leased")),
            # Previous/next and today's count.
            models.Index(fields=["annotator", "-submitted_at"], name="assignment_submitted"),
        ]


def that_count(prefix: str = "") -> Q:
    """The annotations that are learnt from, exported and measured: submitted, not put aside by a reviewer, of items
    that are data. ``prefix``: the way to the assignment from the model that is asked, as ``assignment__``."""
    return Q(
        **{
            f"{prefix}state": AssignmentState.SUBMITTED,
            f"{prefix}counted": True,
            f"{prefix}campaign_item__purpose__in": DATA,
        }
    )


class Judgment(models.Model):
    """One level for one sub-dimension by one person."""

    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="judgments")
    sub_dimension = models.CharField(max_length=60)
    level = models.SmallIntegerField()
    milliseconds = models.PositiveIntegerField(default=0, help_text="Time spent on this ladder, all visits together.")
    # What the model had suggested here, and whether the annotator saw it: so that its pull on people can be measured.
    suggested_level = models.SmallIntegerField(null=True, blank=True)
    suggestion_shown = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["assignment", "sub_dimension"], name="judgment_once_per_sub_dimension")
        ]


class JudgmentChange(models.Model):
    """The history of a judgment: each level it was given, in order. ``level`` is null where it was taken back."""

    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="changes")
    sub_dimension = models.CharField(max_length=60)
    level = models.SmallIntegerField(null=True)
    milliseconds = models.PositiveIntegerField(default=0)
    # The browser's key of this very act: a retry or a late packet finds it here and has no second effect.
    idempotency_key = models.CharField(max_length=64)
    # The browser's count of acts on this assignment: a late packet must not undo a newer answer.
    sequence = models.BigIntegerField(default=0)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["assignment", "idempotency_key"], name="judgment_change_once")]
        indexes = [models.Index(fields=["assignment", "sub_dimension"], name="judgment_change_history")]
