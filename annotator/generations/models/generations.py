"""Pictures and clips made for the prompts of a set, here or elsewhere."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotator.core.models import TimeStamped
from annotator.generations.models.prompt_sets import PromptSet
from annotator.jobs.models import Job
from annotator.library.models import Generator, Item, MediaType, Prompt


class GenerationSource(models.TextChoices):
    PIPELINE = "pipeline", _("A diffusers pipeline on this platform")
    EXTERNAL = "external", _("An external sampler, through the API")


class Precision(models.TextChoices):
    AUTO = "auto", _("Automatic: bfloat16 on GPUs that support it, float32 otherwise")
    FP32 = "fp32", "float32"
    BF16 = "bf16", "bfloat16"
    FP16 = "fp16", "float16"


class GenerationSet(TimeStamped):
    """``per_prompt`` pictures or clips of every prompt of a set, all asked for in one way.

    The fields from ``pipeline`` to ``batch_size`` are what a pipeline here is asked for; of external ones they are
    empty. Of width, height and frames None means what the pipeline makes by itself.
    """

    name = models.CharField(max_length=200, unique=True)
    prompt_set = models.ForeignKey(PromptSet, on_delete=models.PROTECT, related_name="generation_sets")
    source = models.CharField(max_length=10, choices=GenerationSource.choices, default=GenerationSource.PIPELINE)
    media_type = models.CharField(max_length=10, choices=MediaType.choices)
    per_prompt = models.PositiveIntegerField()
    pipeline = models.CharField(max_length=500, blank=True, help_text="A folder below an allowed one, or a hub ID.")
    lora = models.CharField(max_length=500, blank=True, help_text="A safetensors file loaded into the pipeline.")
    steps = models.PositiveIntegerField(null=True, blank=True)
    guidance_scale = models.FloatField(null=True, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    frames = models.PositiveIntegerField(null=True, blank=True)
    # Each item's own seed follows from this one, its prompt and its index.
    seed = models.BigIntegerField(default=0)
    precision = models.CharField(max_length=4, choices=Precision.choices, default=Precision.AUTO)
    batch_size = models.PositiveIntegerField(default=8)
    made_with = models.JSONField(
        default=dict, blank=True, help_text="Recorded by the worker: pipeline class, fingerprints, precision, device."
    )
    # Of external ones, who made them; of a pipeline's, known once the job has looked at its files.
    generator = models.ForeignKey(Generator, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    score_after = models.BooleanField(
        default=True, help_text="Score the generated items with the promoted reward model."
    )
    # A resumed set has the job that goes on with it.
    job = models.OneToOneField(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="generation_set")
    scoring_job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name


class GeneratedItem(models.Model):
    """The ``index``-th item of a prompt, made from ``seed``."""

    # Its own index is the unique constraint below, which begins with it.
    generation_set = models.ForeignKey(GenerationSet, on_delete=models.CASCADE, related_name="made", db_index=False)
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT)
    index = models.PositiveIntegerField(help_text="0 … items per prompt − 1.")
    seed = models.BigIntegerField()
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="generated")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["generation_set", "prompt", "index"], name="generated_item_once"),
        ]

    def __str__(self) -> str:
        return f"{self.prompt} #{self.index} (seed {self.seed})"
