"""Runs that tune a generator on a pair set, and how they came out against the start, by a model and by people."""

from pathlib import Path

from django.conf import settings as platform
from django.contrib.postgres.fields import ArrayField
from django.db import models

from annotator.campaigns.models import Campaign
from annotator.core.models import TimeStamped
from annotator.generations.models.prompt_sets import PromptSet
from annotator.jobs.models import Job
from annotator.library.models import Item, Prompt
from annotator.mpo.models.pairs import PairSet
from annotator.rewards.models import RewardModel


class MpoRun(TimeStamped):
    """One LoRA trained on one pair set. What it is asked and where it stands lies in its folder, as files."""

    name = models.CharField(max_length=200, unique=True)
    pair_set = models.ForeignKey(PairSet, on_delete=models.PROTECT, related_name="runs")
    pipeline = models.CharField(max_length=500, help_text="A folder below an allowed one, or a hub ID.")
    pipeline_class = models.CharField(max_length=80)
    # Pipeline and start LoRA together: runs can be compared where they are the same.
    pipeline_fingerprint = models.CharField(max_length=64)
    start_lora = models.CharField(max_length=500, blank=True, help_text="A LoRA of the reference model.")
    settings = models.JSONField(default=dict, help_text="As reward_engine.mpo.training.Settings.")
    held_out_share = models.FloatField(default=0.1, help_text="Share of the prompts measured, not trained on.")
    trained_pairs = models.PositiveIntegerField(default=0)
    held_out_pairs = models.PositiveIntegerField(default=0)
    trained_prompts = models.PositiveIntegerField(default=0)
    held_out_prompts = models.PositiveIntegerField(default=0)
    estimate = models.JSONField(default=dict, blank=True, help_text="The estimate before the start.")
    path = models.CharField(max_length=300, help_text="The run's folder, below ARTIFACT_ROOT.")
    manifest = models.JSONField(default=dict, blank=True, help_text="Of the result; empty until the run is finished.")
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)
    # A resumed run has the job that goes on with it.
    job = models.OneToOneField(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="mpo_run")
    created_by = models.ForeignKey(platform.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    @property
    def folder(self) -> Path:
        return Path(platform.ARTIFACT_ROOT) / self.path

    @property
    def by_total(self) -> bool:
        """Whether this is the baseline: DPO on pairs by the total reward, without dominance."""
        return bool(self.pair_set.options.get("level") == "total")


class ModelComparison(TimeStamped):
    """The start and runs made from it generate the same prompts from the same seeds, and a reward model scores all.

    Prompts that a run was trained on are left out.
    """

    name = models.CharField(max_length=200, unique=True)
    runs = models.ManyToManyField(MpoRun, related_name="comparisons")
    reward_model = models.ForeignKey(RewardModel, on_delete=models.PROTECT, related_name="model_comparisons")
    prompt_set = models.ForeignKey(
        PromptSet, null=True, blank=True, on_delete=models.PROTECT, related_name="model_comparisons",
        help_text="Empty: the prompts that the runs held out.",
    )  # fmt: skip
    prompts = ArrayField(models.BigIntegerField(), default=list, help_text="The prompts compared, in their order.")
    left_out = models.PositiveIntegerField(default=0, help_text="Prompts of the set that a run was trained on.")
    per_prompt = models.PositiveIntegerField(default=4)
    sampling = models.JSONField(default=dict, help_text="Steps, guidance scale, and size of the generations.")
    seed = models.BigIntegerField(default=0)
    tie_margin = models.FloatField(default=0.0, help_text="Rewards that differ by no more than this count as a tie.")
    path = models.CharField(max_length=300, help_text="Where generations are stored until they are in the library.")
    result = models.JSONField(default=dict, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)
    job = models.OneToOneField(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="model_comparison")
    created_by = models.ForeignKey(platform.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    @property
    def folder(self) -> Path:
        return Path(platform.ARTIFACT_ROOT) / self.path


class ComparedItem(models.Model):
    """The ``index``-th item of a prompt as one model made it, and what it was given. ``run`` is null for the start."""

    # Its own index is the unique constraint below, which begins with it.
    comparison = models.ForeignKey(ModelComparison, on_delete=models.CASCADE, related_name="made", db_index=False)
    run = models.ForeignKey(MpoRun, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT)
    index = models.PositiveIntegerField()
    seed = models.BigIntegerField()
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="compared")
    reward = models.FloatField()
    by_dimension = ArrayField(models.FloatField())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["comparison", "run", "prompt", "index"], name="compared_item_once", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prompt} #{self.index} by {self.run or 'the reference model'}"


class HumanVerdict(TimeStamped):
    """A blind campaign in which people compare a sample of a run's items with the start's."""

    comparison = models.ForeignKey(ModelComparison, on_delete=models.CASCADE, related_name="verdicts", db_index=False)
    run = models.ForeignKey(MpoRun, on_delete=models.PROTECT, related_name="verdicts")
    campaign = models.OneToOneField(Campaign, on_delete=models.CASCADE, related_name="mpo_verdict")
    seed = models.BigIntegerField(default=0, help_text="Of the sample.")
    created_by = models.ForeignKey(platform.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["comparison", "run"], name="human_verdict_once")]

    def __str__(self) -> str:
        return f"{self.run} in {self.comparison}"
