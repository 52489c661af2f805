"""Snapshots of judgments, versions of the reward model, and the scores they gave."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotator.campaigns.models import Campaign, ChecklistVersion
from annotator.core.models import TimeStamped
from annotator.core.texts import in_this_language
from annotator.jobs.models import Job
from annotator.library.models import Item, MediaType


class Snapshot(TimeStamped):
    """Consensus levels frozen as arrays: what a reward model was trained on. Immutable."""

    media_type = models.CharField(max_length=10, choices=MediaType.choices)
    checklist_version = models.ForeignKey(ChecklistVersion, on_delete=models.PROTECT)
    campaigns = models.ManyToManyField(Campaign, related_name="snapshots")
    consensus = models.CharField(max_length=40, default="majority")
    items = models.PositiveIntegerField()
    judgments = models.PositiveIntegerField()
    prompts = models.PositiveIntegerField()
    path = models.CharField(max_length=300, help_text="Below ARTIFACT_ROOT.")
    sha256 = models.CharField(max_length=64)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.media_type.capitalize()} snapshot {self.pk}"


class BaseModelState(models.TextChoices):
    CHECKING = "checking", _("Checking")
    READY = "ready", _("Ready")
    REFUSED = "refused", _("Rejected")


class BaseModel(TimeStamped):
    """A vision-language model that judges may be made from, as registered and checked by a GPU worker."""

    name = models.CharField(max_length=300, help_text="A folder below VLM_ROOTS, or a hub ID.")
    revision = models.CharField(max_length=100, blank=True, help_text="For a hub ID: the requested commit or tag.")
    state = models.CharField(max_length=10, choices=BaseModelState.choices, default=BaseModelState.CHECKING)
    # What the check found: reward_engine.judges.vlm.inspection.BaseReport without its source.
    report = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True)
    digest = models.CharField(max_length=200, blank=True)
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["name", "revision"], name="base_model_once")]

    def __str__(self) -> str:
        return f"{self.name}@{self.revision}" if self.revision else self.name

    @property
    def pinned_revision(self) -> str | None:
        """The hub's commit that was checked, so that a branch that moves changes no answers; None for a folder."""
        return self.report.get("revision") or self.revision or None


class RewardModelState(models.TextChoices):
    CANDIDATE = "candidate", _("Candidate")
    PROMOTED = "promoted", _("Promoted")
    RETIRED = "retired", _("Retired")


class RewardModel(TimeStamped):
    """One trained version. At most one per media type is promoted: the one that scores."""

    media_type = models.CharField(max_length=10, choices=MediaType.choices)
    version = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=RewardModelState.choices, default=RewardModelState.CANDIDATE)
    judge = models.CharField(max_length=40, default="probe", help_text="The kind of judge: probe, vlm, endpoint …")
    base = models.ForeignKey(BaseModel, null=True, blank=True, on_delete=models.PROTECT, related_name="versions")
    checklist_version = models.ForeignKey(ChecklistVersion, on_delete=models.PROTECT)
    snapshot = models.ForeignKey(Snapshot, null=True, blank=True, on_delete=models.PROTECT)
    path = models.CharField(max_length=300, help_text="Folder of the artifact, below ARTIFACT_ROOT.")
    manifest = models.JSONField(default=dict)
    metrics = models.JSONField(default=dict)
    # What the gate compared when the version was made, and what it decided; empty where nothing was compared.
    gate = models.JSONField(default=dict, blank=True)  # its reason is kept in every language
    weights = ArrayField(models.FloatField(), help_text="One weight per question, in the checklist's order.")
    intercept = models.FloatField(default=0.0)
    # One training job makes one version, however often it is killed and taken up again.
    job = models.OneToOneField(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="reward_model")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    promoted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["media_type", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["media_type", "version"], name="reward_model_version_once"),
            models.UniqueConstraint(
                fields=["media_type"], condition=Q(state="promoted"), name="reward_model_one_promoted"
            ),
        ]

    @property
    def shown_gate(self) -> dict[str, Any]:
        """The gate's record with its reason in the active language."""
        return {**self.gate, "reason": in_this_language(self.gate["reason"])} if self.gate.get("reason") else self.gate

    def __str__(self) -> str:
        return f"{self.media_type.capitalize()} reward v{self.version}"


class RetrainingPolicy(TimeStamped):
    """When a kind of judge is retrained on a checklist's annotations, on which base, and what follows."""

    checklist_version = models.ForeignKey(ChecklistVersion, on_delete=models.CASCADE, related_name="policies")
    judge = models.CharField(max_length=40)
    base = models.ForeignKey(BaseModel, null=True, blank=True, on_delete=models.PROTECT, related_name="policies")
    # Those of a training of this kind, as its form has them.
    judge_settings = models.JSONField(default=dict, blank=True)
    enabled = models.BooleanField(default=True)
    after_annotations = models.PositiveIntegerField(null=True, blank=True, help_text="New annotations; none: never.")
    nightly_hour = models.PositiveSmallIntegerField(null=True, blank=True, help_text="UTC, 0–23; none: not nightly.")
    promotes = models.BooleanField(default=False, help_text="Promote automatically if it passes the gate.")
    problem = models.TextField(blank=True, editable=False, help_text="Why the last training could not be requested.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["checklist_version", "judge"]
        constraints = [
            models.UniqueConstraint(fields=["checklist_version", "judge"], name="retraining_policy_once"),
        ]

    def __str__(self) -> str:
        return f"Retraining of {self.judge} on {self.checklist_version}"


class RewardModelAction(models.TextChoices):
    TRAINED = "trained", _("Trained")
    PROMOTED = "promoted", _("Promoted")
    RETIRED = "retired", _("Retired")


class RewardModelEvent(models.Model):
    """The history of a version: what was done with it, when, by whom, and why."""

    reward_model = models.ForeignKey(RewardModel, on_delete=models.CASCADE, related_name="events")
    action = models.CharField(max_length=10, choices=RewardModelAction.choices)
    # Null where the platform did it itself: an automatic retraining, or a promotion by the gate.
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    note = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.reward_model}: {self.get_action_display().lower()}"


class Score(models.Model):
    """What one version says of one item. P(yes) a question, the reward, and its parts by dimension."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="scores")
    reward_model = models.ForeignKey(RewardModel, on_delete=models.CASCADE, related_name="scores")
    p_yes = ArrayField(models.FloatField(), help_text="One per question, 0..1.")
    reward = models.FloatField()
    by_dimension = ArrayField(
        models.FloatField(), help_text="Contributions; together with the intercept they add up to the reward."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "reward_model"], name="score_once")]
        indexes = [models.Index(fields=["reward_model", "-reward"], name="score_ranking")]


class ScoreProblem(models.Model):
    """An item the judge could not score, and why; the rest of the job went on."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE)
    reward_model = models.ForeignKey(RewardModel, on_delete=models.CASCADE, related_name="problems")
    message = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "reward_model"], name="score_problem_once")]


class PublishedWeights(TimeStamped):
    """The weights of a published weight file for the checklist of its question file. Immutable.

    ``coef`` and ``intercept`` add up to a reward as those of a version do. ``alignment_coef``: what the published
    image form weighs a separate alignment score with; it belongs to no question and enters no reward here.
    """

    checklist_version = models.ForeignKey(ChecklistVersion, on_delete=models.CASCADE, related_name="published_weights")
    coef = ArrayField(models.FloatField(), help_text="One weight per question, in the checklist's order.")
    intercept = models.FloatField(default=0.0)
    alignment_coef = models.FloatField(null=True, blank=True)
    notes = models.JSONField(default=list, blank=True)
    questions_name = models.CharField(max_length=200, help_text="Name of the question file.")
    weights_name = models.CharField(max_length=200, help_text="Name of the weight file.")
    sha256 = models.CharField(max_length=64, help_text="Of the weight file.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name_plural = "published weights"
        constraints = [
            models.UniqueConstraint(fields=["checklist_version", "sha256"], name="published_weights_once"),
        ]

    def __str__(self) -> str:
        return f"{self.weights_name} for {self.checklist_version}"


class ScoreRequest(models.Model):
    """Media that somebody wants scored at once, and the answer. Goes with its job: nothing of it is kept for long."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.OneToOneField(Job, on_delete=models.CASCADE, related_name="score_request")
    inputs = models.JSONField(help_text="What to score, in order: see annotator.rewards.services.score_requests.")
    single = models.BooleanField(help_text="Requested for one: the answer is not a list.")
    keep = models.BooleanField(default=False, help_text="Store files in the library, and keep their scores.")
    generator = models.CharField(max_length=200, blank=True, help_text="Of files that are kept.")
    results = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["created_at"], name="score_request_age")]

    def __str__(self) -> str:
        return f"Score request of {self.created_at:%Y-%m-%d %H:%M}"


class AutomaticScoring(models.Model):
    """Whether new items of a media type are scored by themselves, and those that wait for it."""

    media_type = models.CharField(max_length=10, choices=MediaType.choices, primary_key=True)
    enabled = models.BooleanField(default=True)
    # The first item that came in since all were scored, and when the first and the last of them came; null: none waits.
    first_item = models.BigIntegerField(null=True, blank=True, editable=False)
    first_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["media_type"]
        verbose_name_plural = "automatic scoring"

    def __str__(self) -> str:
        return f"{self.get_media_type_display()}: {'on' if self.enabled else 'off'}"
