"""What annotators report about items: broken media, unsafe content, a question that does not fit."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotator.campaigns.models.answers import Assignment
from annotator.core.models import TimeStamped
from annotator.library.models import Item


class FlagReason(models.TextChoices):
    BROKEN = "broken", _("The media is damaged")
    UNSAFE = "unsafe", _("Unsafe content")
    UNCLEAR = "unclear", _("A question is unclear here")
    OTHER = "other", _("Something else")


class FlagOutcome(models.TextChoices):
    """What a reviewer said to it."""

    OPEN = "", _("Open")
    UPHELD = "upheld", _("Right")
    DISMISSED = "dismissed", _("No problem")


class Flag(TimeStamped):
    """One person's report on one item, made while going on with it or on leaving it (``with_skip``)."""

    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="flags")
    # The assignment's item: an unsafe one is hidden in every campaign, and this is asked with every page.
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="flags")
    reason = models.CharField(max_length=10, choices=FlagReason.choices)
    sub_dimension = models.CharField(max_length=60, blank=True, help_text="The sub-dimension that is unclear.")
    note = models.TextField(blank=True)
    with_skip = models.BooleanField(default=False)
    outcome = models.CharField(max_length=10, choices=FlagOutcome.choices, default=FlagOutcome.OPEN, blank=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    settled_at = models.DateTimeField(null=True, blank=True)
    answer = models.TextField(blank=True, help_text="What the reviewer wrote.")

    class Meta:
        ordering = ["-pk"]
        constraints = [
            # A retry, a double click, a second tab: the same report is one report, as long as nobody has settled it.
            models.UniqueConstraint(
                fields=["assignment", "reason", "sub_dimension"], condition=Q(outcome=""), name="flag_open_once"
            ),
        ]
        indexes = [
            # What waits for a reviewer.
            models.Index(fields=["-id"], name="flag_open", condition=Q(outcome="")),
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()}: item {self.item_id}"
