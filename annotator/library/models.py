"""Prompts, generators and items: what was asked for, by what it was made, and the media itself."""

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from annotator.core.models import TimeStamped
from annotator.jobs.models import Job
from reward_engine.storage import sha256


class MediaType(models.TextChoices):
    IMAGE = "image", _("Image")
    VIDEO = "video", _("Video")


VIEW_HELP = (
    "Extension of the view that people and judges see instead of the original; empty: the original is shown; "
    "null: nobody has looked yet whether a view is needed."
)


def text_hash(text: str) -> str:
    return sha256(text.encode())


class Prompt(TimeStamped):
    """The text a generator was given. Unique by its text; long texts make a bad index, so by its hash."""

    text = models.TextField()
    text_sha256 = models.CharField(max_length=64, unique=True, editable=False)

    class Meta:
        # Searches for a part of the text, of three letters and more.
        indexes = [GinIndex(OpClass(Upper("text"), name="gin_trgm_ops"), name="prompt_text_parts")]

    def __str__(self) -> str:
        return self.text if len(self.text) <= 80 else f"{self.text[:79]}…"

    def save(self, *args: object, **kwargs: object) -> None:
        self.text_sha256 = text_hash(self.text)
        super().save(*args, **kwargs)  # type: ignore[arg-type]


class Generator(TimeStamped):
    """A model (name, version, parameters) that makes media; ``real`` footage is a generator too."""

    name = models.CharField(max_length=200)
    version = models.CharField(max_length=100, blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    parameters_sha256 = models.CharField(max_length=64, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "version", "parameters_sha256"], name="generator_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.version}".strip()


class ImportBatch(TimeStamped):
    """One import: where it came from, and what became of each row."""

    name = models.CharField(max_length=200)
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="import_batches")
    options = models.JSONField(default=dict, blank=True, help_text="Manifest format and column mapping.")
    imported_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    rows = models.PositiveIntegerField(default=0)
    imported = models.PositiveIntegerField(default=0)
    duplicates = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "import batches"

    def __str__(self) -> str:
        return self.name

    @property
    def outcome(self) -> str:
        """ "refused" where no row went in, "partly" where some were refused, else "whole"."""
        if not self.rejected:
            return "whole"
        return "partly" if self.imported or self.duplicates else "refused"


class ImportProblem(models.Model):
    """Why one row of a manifest did not go in."""

    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="problems")
    row = models.PositiveIntegerField(help_text="Row of the manifest; the first row after the header is 1.")
    file = models.CharField(max_length=500, blank=True)
    field = models.CharField(max_length=100, blank=True)
    code = models.CharField(max_length=50)
    message = models.TextField()

    class Meta:
        ordering = ["row"]
        constraints = [models.UniqueConstraint(fields=["batch", "row", "field"], name="import_problem_once")]


class Item(TimeStamped):
    """One generated image or video. The file lies under its sha256; two items may share one file."""

    media_type = models.CharField(max_length=10, choices=MediaType.choices)
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="items")
    generator = models.ForeignKey(Generator, on_delete=models.PROTECT, related_name="items")
    sha256 = models.CharField(max_length=64)
    extension = models.CharField(max_length=8, help_text="From the verified format, not the file's name.")
    mime_type = models.CharField(max_length=50)
    size_bytes = models.BigIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    frame_rate = models.FloatField(null=True, blank=True)
    frame_count = models.PositiveIntegerField(null=True, blank=True)
    source = models.CharField(max_length=300, blank=True)
    license = models.CharField(max_length=200, blank=True)
    external_id = models.CharField(max_length=200, blank=True, db_index=True)
    file_name = models.CharField(max_length=500, blank=True, help_text="Its name in the import.")
    extra = models.JSONField(default=dict, blank=True, help_text="Other columns of the manifest.")
    batch = models.ForeignKey(ImportBatch, null=True, blank=True, on_delete=models.SET_NULL, related_name="items")
    # Null and empty say different things here.
    view = models.CharField(max_length=8, null=True, blank=True, editable=False, help_text=VIEW_HELP)  # noqa: DJ001

    class Meta:
        constraints = [
            # The same bytes for the same prompt and generator are the same item.
            models.UniqueConstraint(fields=["sha256", "prompt", "generator"], name="item_once"),
        ]
        indexes = [
            models.Index(fields=["media_type", "prompt"], name="item_by_type_and_prompt"),
            # The sweep that makes missing views looks here, and finds nothing almost always.
            models.Index(fields=["id"], condition=models.Q(view__isnull=True), name="item_without_view"),
        ]

    def __str__(self) -> str:
        return f"{self.get_media_type_display()} {self.pk}: {self.prompt}"
