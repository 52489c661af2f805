"""What decides how far answers are believed: policies, known answers, standings, decisions, and who reviews what."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotator.campaigns.models import Assignment, Campaign, CampaignItem
from annotator.core.models import TimeStamped

SHARE = [MinValueValidator(0.0), MaxValueValidator(1.0)]


class TrustPolicy(TimeStamped):
    """How one campaign makes sure of its answers. A campaign without a row has none of it."""

    campaign = models.OneToOneField(Campaign, on_delete=models.CASCADE, related_name="trust_policy")
    require_qualification = models.BooleanField(
        default=False, help_text="Annotators answer the qualification items first, and work only after passing."
    )
    pass_share = models.FloatField(
        default=0.7, validators=SHARE, help_text="Share of known answers that must be correct to pass, 0 to 1."
    )
    attempts_allowed = models.PositiveSmallIntegerField(default=2, validators=[MinValueValidator(1)])
    gold_every = models.PositiveSmallIntegerField(
        default=0, help_text="About one in this many items is a gold item; 0: none."
    )
    gold_share = models.FloatField(
        default=0.5,
        validators=SHARE,
        help_text="An annotator whose share of correct gold answers is lower is paused, 0 to 1.",
    )
    gold_items_before = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(1)], help_text="Gold items answered before anyone is paused."
    )
    gold_window = models.PositiveSmallIntegerField(
        default=10, validators=[MinValueValidator(1)], help_text="Only this many of the latest gold items count."
    )
    test_items = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="This many qualification items make a test, drawn for each person and attempt; another "
        "attempt gets other items while there are any. Empty: all of them.",
    )
    haste_limit = models.PositiveSmallIntegerField(
        default=12,
        help_text="An annotator is paused after this many items in a row that were answered faster than they "
        "can be viewed, and warned at half as many; 0: never.",
    )
    overlap_max = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text=("Items whose answers disagree get more annotators, up to this many. Empty: the overlap is fixed."),
    )
    agreement_bar = models.FloatField(
        default=0.75, validators=SHARE, help_text="An item is settled when this share of its answers agree, 0 to 1."
    )

    class Meta:
        verbose_name_plural = "trust policies"

    def __str__(self) -> str:
        return f"Trust policy of {self.campaign}"


class KnownAnswers(TimeStamped):
    """What is right for a gold or qualification item: levels by sub-dimension, and why."""

    campaign_item = models.OneToOneField(CampaignItem, on_delete=models.CASCADE, related_name="known")
    levels = models.JSONField(help_text="Sub-dimension → level.")
    tolerance = models.PositiveSmallIntegerField(
        default=1, help_text="An answer this many levels away still counts as correct."
    )
    explanations = models.JSONField(default=dict, blank=True, help_text="Sub-dimension → reason, shown in the test.")

    class Meta:
        verbose_name_plural = "known answers"

    def is_right(self, sub_dimension: str, level: int) -> bool:
        return abs(int(self.levels[sub_dimension]) - level) <= self.tolerance


class AnnotatorStandingState(models.TextChoices):
    ACTIVE = "active", _("Working")
    PAUSED = "paused", _("Paused")


class AnnotatorStanding(TimeStamped):
    """How one annotator does on the gold items of one campaign, and whether they may go on."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="standings")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="standings")
    state = models.CharField(
        max_length=10, choices=AnnotatorStandingState.choices, default=AnnotatorStandingState.ACTIVE
    )
    judged = models.PositiveIntegerField(default=0, help_text="Gold judgments in the window.")
    right = models.PositiveIntegerField(default=0)
    by_sub_dimension = models.JSONField(default=dict, help_text="Sub-dimension → [correct, judged], in the window.")
    hasty = models.PositiveSmallIntegerField(default=0, help_text="Latest items in a row that were answered too fast.")
    reason = models.CharField(max_length=300, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True, help_text="When a reviewer had seen that they were paused.")
    gold_since = models.DateTimeField(null=True, blank=True, help_text="Only gold answered after this counts.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "annotator"], name="standing_once")]
        indexes = [
            # What reviewers are told of: pauses nobody has looked at yet.
            models.Index(fields=["paused_at"], name="standing_unseen", condition=models.Q(state="paused", seen_at=None))
        ]

    @property
    def share(self) -> float | None:
        """Share of right gold answers, 0..1; None before the first."""
        return self.right / self.judged if self.judged else None


class QualificationAttempt(TimeStamped):
    """One pass through the qualification items of a campaign."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="qualification_attempts")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="qualifications")
    number = models.PositiveSmallIntegerField()
    judged = models.PositiveIntegerField()
    right = models.PositiveIntegerField()
    passed = models.BooleanField()
    answers = models.JSONField(default=dict, help_text="Item → sub-dimension → level, as first answered.")
    forgiven = models.BooleanField(
        default=False,
        help_text=("A reviewer has allowed another attempt: this one does not count, but its items are known."),
    )

    class Meta:
        ordering = ["campaign", "annotator", "number"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "annotator", "number"], name="qualification_attempt_once")
        ]


class Adjudication(TimeStamped):
    """A reviewer's word on one sub-dimension of one item. It wins over every vote."""

    campaign_item = models.ForeignKey(CampaignItem, on_delete=models.CASCADE, related_name="adjudications")
    sub_dimension = models.CharField(max_length=60)
    level = models.SmallIntegerField()
    adjudicator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="adjudications")
    note = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign_item", "sub_dimension"], name="adjudication_once"),
        ]


class ReviewClaim(TimeStamped):
    """Who is reviewing an item now: until the claim expires, nobody else gets the item as their next one."""

    campaign_item = models.OneToOneField(CampaignItem, on_delete=models.CASCADE, related_name="review_claim")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="review_claims")
    expires_at = models.DateTimeField()


class FinishedReview(TimeStamped):
    """A reviewer has finished an item: they do not get it again. A later visit updates the row."""

    campaign_item = models.ForeignKey(CampaignItem, on_delete=models.CASCADE, related_name="finished_reviews")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="finished_reviews")
    decided = models.PositiveSmallIntegerField(default=0, help_text="Sub-dimensions this reviewer has decided.")
    changed = models.PositiveSmallIntegerField(
        default=0, help_text="Of these, those decided otherwise than the votes would have."
    )
    finished_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign_item", "reviewer"], name="finished_review_once"),
        ]


class ReviewComment(TimeStamped):
    """What a reviewer tells an annotator about their answers to one item."""

    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="review_comments")
    # The assignment's annotator: every page of theirs asks how many they have not read.
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="comments_received")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="comments_written"
    )
    text = models.TextField()
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [
            # The count in the header.
            models.Index(fields=["annotator"], name="review_comment_unread", condition=models.Q(read_at=None)),
        ]
