"""Which of two items one prefers."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest, Least
from django.utils.translation import gettext_lazy as _

from annotator.campaigns.models.campaigns import Campaign
from annotator.core.models import TimeStamped
from annotator.library.models import Item


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
