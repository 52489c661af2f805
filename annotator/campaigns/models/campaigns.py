"""Campaigns and the items in them."""

import random

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Random
from django.utils.translation import gettext_lazy as _

from annotator.campaigns.models.checklists import ChecklistVersion
from annotator.core.models import TimeStamped
from annotator.library.models import Item, MediaType


class CampaignState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    OPEN = "open", _("Open")
    PAUSED = "paused", _("Paused")
    CLOSED = "closed", _("Closed")


def draw_random_key() -> float:
    """Draw a place among items of equal priority, 0..1."""
    return random.random()


class CampaignKind(models.TextChoices):
    """What people are asked."""

    JUDGING = "judging", _("Checklist, item by item")
    COMPARING = "comparing", _("Which of two is better, pair by pair")


class QueueOrder(models.TextChoices):
    """Which item comes next."""

    PRIORITY = "priority", _("By priority; ties shuffled per annotator")
    UNCERTAINTY = "uncertainty", _("Where the promoted reward model is least certain")
    RANDOM = "random", _("Random")


class Campaign(TimeStamped):
    name = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=10, choices=CampaignKind.choices, default=CampaignKind.JUDGING)
    media_type = models.CharField(max_length=10, choices=MediaType.choices)
    checklist_version = models.ForeignKey(ChecklistVersion, on_delete=models.PROTECT, related_name="campaigns")
    state = models.CharField(max_length=10, choices=CampaignState.choices, default=CampaignState.DRAFT)
    overlap = models.PositiveSmallIntegerField(default=3, help_text="How many annotators each item needs.")
    lease_seconds = models.PositiveIntegerField(
        default=1800, help_text="How long an item is reserved for an annotator who has opened it."
    )
    guidelines = models.TextField(blank=True, help_text="Shown to annotators before and during the work.")
    queue_order = models.CharField(max_length=12, choices=QueueOrder.choices, default=QueueOrder.PRIORITY)
    suggestions_percent = models.PositiveSmallIntegerField(
        default=0,
        help_text="Percentage of items that show the reward model's suggestions; for the others they are "
        "only stored for comparison. 0: none are made.",
    )
    asks_strength = models.BooleanField(
        default=False, help_text="Whether people also say that the preferred item of a pair is much better."
    )
    is_demo = models.BooleanField(default=False, help_text="Created during setup, with synthetic annotators' answers.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(overlap__gte=1), name="campaign_overlap_at_least_one"),
            models.CheckConstraint(condition=Q(lease_seconds__gte=30), name="campaign_lease_at_least_30_s"),
            models.CheckConstraint(condition=Q(suggestions_percent__lte=100), name="campaign_suggestions_percent"),
        ]

    def __str__(self) -> str:
        return self.name


class Purpose(models.TextChoices):
    """Why an item is handed out. Nobody who answers can tell work from gold."""

    WORK = "work", _("Work")
    GOLD = "gold", _("Gold: answers are known; mixed in to measure annotators")
    QUALIFICATION = "qualification", _("Qualification: answers are known; asked before the work")
    WITHDRAWN = "withdrawn", _("Removed: no longer assigned, and its answers do not count")


DATA = (Purpose.WORK, Purpose.GOLD)
"""Whose answers are learned from, exported and measured."""


class CampaignItem(models.Model):
    """An item in a campaign. ``open_slots`` counts the annotators it can still be given to.

    It is below 0 where somebody went on with an item that others had finished meanwhile.
    """

    # Its own index would be one too many: those below begin with it.
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="campaign_items", db_index=False)
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="campaign_items")
    purpose = models.CharField(max_length=15, choices=Purpose.choices, default=Purpose.WORK)
    priority = models.IntegerField(default=0, help_text="Higher values come first.")
    # Drawn by chance, so that the queue tells nothing of the order in which items were added.
    random_key = models.FloatField(default=draw_random_key, db_default=Random(), editable=False)
    needed = models.PositiveSmallIntegerField(help_text="How many annotations this item needs.")
    open_slots = models.SmallIntegerField(help_text="needed − submitted − under lease.")
    submitted = models.PositiveSmallIntegerField(default=0)
    purpose_before = models.CharField(
        max_length=15, choices=Purpose.choices, blank=True, help_text="The purpose it gets back when it is restored."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "item"], name="campaign_item_once"),
            models.CheckConstraint(condition=Q(open_slots__lte=F("needed")), name="campaign_item_slots_within_needed"),
        ]
        indexes = [
            # The queue: only items that still need somebody are in it.
            models.Index(
                F("campaign"),
                F("priority").desc(),
                F("random_key"),
                name="campaign_item_queue",
                condition=Q(open_slots__gt=0),
            ),
            # The list of a campaign's items, whichever of them it shows.
            models.Index(F("campaign"), F("priority").desc(), F("id"), name="campaign_item_list"),
        ]
