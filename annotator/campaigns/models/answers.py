"""Who works on what, and what they answer."""

from django.db import models
from django.db.models import Q

from annotator.campaigns.models.campaigns import DATA, CampaignItem, Purpose
from annotator.campaigns.models.leases import AssignmentState, Lease


class Assignment(Lease):
    """One annotator's work on one item: their annotation. A person gets an item of a campaign once."""

    subject_field = "campaign_item"
    # Whoever was given an item may always finish it: "others have finished it" would be said of work, never of gold.
    retaken_where_needed = False

    campaign_item = models.ForeignKey(CampaignItem, on_delete=models.CASCADE, related_name="assignments")
    counted = models.BooleanField(
        default=True, help_text="False while a reviewer has excluded this annotation and reopened its item."
    )
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

    @property
    def is_test(self) -> bool:
        return bool(self.campaign_item.purpose == Purpose.QUALIFICATION)


def that_count(prefix: str = "") -> Q:
    """The annotations that are learned from, exported and measured: submitted, not put aside by a reviewer, of items
    that are data.

    Args:
        prefix: The way to the assignment from the model that is asked, as ``assignment__``.
    """
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
    milliseconds = models.PositiveIntegerField(
        default=0, help_text="Time spent on this sub-dimension, all visits together."
    )
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
