"""Who is asked what about which item: checklist versions, campaigns, assignments, judgments."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest, Least
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotator.core.errors import ConflictError
from annotator.core.models import TimeStamped
from annotator.library.models import Item, MediaType


class ChecklistVersion(TimeStamped):
    """A checklist as it was when it was used. Immutable: an edited file becomes a new version beside it."""

    media_type = models.CharField(max_length=10, choices=MediaType.choices)
    name = models.CharField(max_length=100)
    version = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64, unique=True)
    source = models.TextField(help_text="The YAML it was loaded from.")

    class Meta:
        ordering = ["media_type", "name", "-version"]
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="checklist_version_once")]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise ConflictError(f"{self} is in use and never changes; load the edited file as a new version.")
        super().save(*args, **kwargs)


class CampaignState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    OPEN = "open", _("Open")
    PAUSED = "paused", _("Paused")
    CLOSED = "closed", _("Closed")


class QueueOrder(models.TextChoices):
    """Which item comes next."""

    PRIORITY = "priority", _("By priority, then in the order they were added")
    UNCERTAINTY = "uncertainty", _("Where the promoted reward model is least sure")
    RANDOM = "random", _("At random")


class Campaign(TimeStamped):
    name = models.CharField(max_length=200, unique=True)
    media_type = models.CharField(max_length=10, choices=MediaType.choices)
    checklist_version = models.ForeignKey(ChecklistVersion, on_delete=models.PROTECT, related_name="campaigns")
    state = models.CharField(max_length=10, choices=CampaignState.choices, default=CampaignState.DRAFT)
    overlap = models.PositiveSmallIntegerField(default=3, help_text="How many annotators each item needs.")
    lease_seconds = models.PositiveIntegerField(
        default=1800, help_text="How long an item is kept for an annotator who has opened it."
    )
    guidelines = models.TextField(blank=True, help_text="Shown to annotators before and beside the work.")
    queue_order = models.CharField(max_length=12, choices=QueueOrder.choices, default=QueueOrder.PRIORITY)
    is_demo = models.BooleanField(default=False, help_text="Made at set-up, with synthetic annotators' answers.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(overlap__gte=1), name="campaign_overlap_at_least_one"),
            models.CheckConstraint(condition=Q(lease_seconds__gte=30), name="campaign_lease_at_least_30_s"),
        ]

    def __str__(self) -> str:
        return self.name


class Purpose(models.TextChoices):
    """Why an item is handed out. Nobody who answers can tell work from gold."""

    WORK = "work", _("Work")
    GOLD = "gold", _("Gold: its answers are known, it is mixed in to measure annotators")
    QUALIFICATION = "qualification", _("Qualification: its answers are known, it is asked before the work")


class CampaignItem(models.Model):
    """An item in a campaign. ``open_slots`` counts the annotators it can still be given to."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="campaign_items")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="campaign_items")
    purpose = models.CharField(max_length=15, choices=Purpose.choices, default=Purpose.WORK)
    priority = models.IntegerField(default=0, help_text="Higher comes first.")
    needed = models.PositiveSmallIntegerField(help_text="How many annotations this item needs.")
    open_slots = models.PositiveSmallIntegerField(help_text="needed − submitted − under lease.")
    submitted = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "item"], name="campaign_item_once"),
            models.CheckConstraint(condition=Q(open_slots__lte=F("needed")), name="campaign_item_slots_within_needed"),
        ]
        indexes = [
            # The queue: only items that still need somebody are in it.
            models.Index(
                F("campaign"), F("priority").desc(), F("id"), name="campaign_item_queue", condition=Q(open_slots__gt=0)
            )
        ]


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


class Judgment(models.Model):
    """One level for one sub-dimension by one person."""

    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="judgments")
    sub_dimension = models.CharField(max_length=60)
    level = models.SmallIntegerField()
    milliseconds = models.PositiveIntegerField(default=0, help_text="Time spent on this ladder, all visits together.")
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


class Preference(models.TextChoices):
    LEFT = "left", _("Left")
    RIGHT = "right", _("Right")
    TIE = "tie", _("No difference")


class Comparison(TimeStamped):
    """Which of two items of one prompt one person prefers overall. ``left`` and ``right`` are as they were shown."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="comparisons")
    left = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+")
    right = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="comparisons")
    preference = models.CharField(max_length=5, choices=Preference.choices)
    milliseconds = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            # Whichever side an item is shown on, it is the same pair.
            models.UniqueConstraint(
                Least("left", "right"),
                Greatest("left", "right"),
                "campaign",
                "annotator",
                name="comparison_once_a_person",
            ),
            models.CheckConstraint(condition=~Q(left=F("right")), name="comparison_of_two_items"),
        ]
