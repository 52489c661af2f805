"""Pairs of items, and which of the two people prefer."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest, Least
from django.utils.translation import gettext_lazy as _

from annotator.campaigns.models.campaigns import Campaign
from annotator.campaigns.models.leases import Lease
from annotator.core.models import TimeStamped
from annotator.library.models import Item


class ComparisonPair(models.Model):
    """Two items of one prompt that people compare. ``open_slots`` counts the people it can still be given to."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="pairs")
    first = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+")
    second = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+")
    # Random, from a seed. Every other person sees the pair the other way round, so that a liking for one side
    # tells nothing in the sum.
    swapped = models.BooleanField(
        default=False, help_text="Whether the second item is on the left for the first person."
    )
    needed = models.PositiveSmallIntegerField(help_text="How many people this pair needs.")
    open_slots = models.PositiveSmallIntegerField(help_text="needed − submitted − under lease.")
    submitted = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["id"]
        constraints = [
            # Whichever item is named first, it is the same pair.
            models.UniqueConstraint(
                F("campaign"), Least("first", "second"), Greatest("first", "second"), name="comparison_pair_once"
            ),
            models.CheckConstraint(condition=~Q(first=F("second")), name="comparison_pair_of_two_items"),
            models.CheckConstraint(condition=Q(open_slots__lte=F("needed")), name="comparison_pair_slots_fit"),
        ]
        indexes = [
            # The queue: only pairs that still need somebody are in it.
            models.Index(fields=["campaign", "id"], name="comparison_pair_queue", condition=Q(open_slots__gt=0))
        ]


class Preference(models.TextChoices):
    LEFT = "left", _("Left")
    RIGHT = "right", _("Right")
    TIE = "tie", _("No difference")


class HumanComparison(Lease, TimeStamped):
    """One person's turn at one pair, and which of the two they prefer overall. A person gets a pair once."""

    subject_field = "pair"

    pair = models.ForeignKey(ComparisonPair, on_delete=models.CASCADE, related_name="comparisons")
    swapped = models.BooleanField(default=False, help_text="Whether the second item is shown on the left.")
    preference = models.CharField(max_length=5, choices=Preference.choices, blank=True)
    much_better = models.BooleanField(default=False, help_text="Whether the preferred item is much better.")
    milliseconds = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pair", "annotator"], name="comparison_once_for_each")]
        indexes = [
            # The sweep of expired leases.
            models.Index(fields=["lease_expires_at"], name="comparison_lease_expiry", condition=Q(state="leased")),
            # What somebody has compared, newest first.
            models.Index(fields=["annotator", "-submitted_at"], name="comparison_submitted"),
        ]

    @property
    def said(self) -> str:
        """The answer in words."""
        words = {
            Preference.LEFT: _("Left is much better"),
            Preference.RIGHT: _("Right is much better"),
        }
        strong = words.get(Preference(self.preference)) if self.much_better else None
        return str(strong or self.get_preference_display())

    @property
    def left(self) -> Item:
        return self.pair.second if self.swapped else self.pair.first

    @property
    def right(self) -> Item:
        return self.pair.first if self.swapped else self.pair.second


class HumanComparisonChange(models.Model):
    """The history of a comparison: each preference it was given, in order."""

    comparison = models.ForeignKey(HumanComparison, on_delete=models.CASCADE, related_name="changes")
    preference = models.CharField(max_length=5, choices=Preference.choices)
    much_better = models.BooleanField(default=False)
    milliseconds = models.PositiveIntegerField(default=0)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
