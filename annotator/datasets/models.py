"""Versioned datasets: a campaign's judgments, frozen and exported."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext

from annotator.campaigns.models import Campaign
from annotator.core.errors import ConflictError
from annotator.core.models import TimeStamped
from annotator.jobs.models import Job


class DatasetVersion(TimeStamped):
    """One export of one campaign. Its files lie below ARTIFACT_ROOT and never change; neither does this row."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="dataset_versions")
    version = models.PositiveIntegerField()
    path = models.CharField(max_length=300)
    files = models.JSONField(default=list, help_text="name, bytes, sha256, rows of each file.")
    manifest = models.JSONField(
        default=dict, blank=True, help_text="Contents of manifest.json: checklist, counts, licenses."
    )
    zip_bytes = models.PositiveBigIntegerField(null=True, blank=True, help_text="Of all files as one ZIP.")
    annotations = models.PositiveIntegerField()
    items = models.PositiveIntegerField()
    job = models.OneToOneField(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="dataset_version")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["campaign", "version"], name="dataset_version_once")]

    def __str__(self) -> str:
        return f"{self.campaign} v{self.version}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise ConflictError(
                gettext("A dataset version never changes. Export the campaign again to create a new one.")
            )
        super().save(*args, **kwargs)

    @property
    def folder(self) -> Path:
        return Path(settings.ARTIFACT_ROOT) / self.path

    @property
    def size_bytes(self) -> int:
        """Of the files as they are; a ZIP of them is smaller."""
        return sum(file["bytes"] for file in self.files)
