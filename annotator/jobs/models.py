"""The record of one long task: what it does, how far it is, who asked, how it ended."""

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotator.core.texts import in_this_language
from annotator.jobs.job_pages import own_page


class JobState(models.TextChoices):
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    CANCELED = "canceled", _("Canceled")


FINISHED = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELED)


class Queue(models.TextChoices):
    """One queue per kind of machine."""

    DEFAULT = "default", _("Default")
    GPU = "gpu", _("GPU")
    MPO = "mpo", _("MPO")


class Job(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=60)
    title = models.JSONField(help_text="Language code → text.")
    queue = models.CharField(max_length=20, choices=Queue.choices, default=Queue.DEFAULT)
    state = models.CharField(max_length=20, choices=JobState.choices, default=JobState.QUEUED)
    # Somebody waits for it: its message goes ahead of others, and between two chunks of a long job it is done first.
    urgent = models.BooleanField(default=False)
    params = models.JSONField(default=dict, blank=True)
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True)
    # Marked with gettext_noop where it begins, translated where it is shown.
    stage = models.CharField(max_length=200, blank=True)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    # Whoever runs the job now. A runner that no longer holds it must stop and leave no effect.
    run_token = models.UUIDField(null=True, blank=True, editable=False)
    heartbeat_at = models.DateTimeField(null=True, blank=True, editable=False)
    cancel_requested_at = models.DateTimeField(null=True, blank=True, editable=False)
    # What fails is said in the language of the person who requested the job.
    language = models.CharField(max_length=10, default=settings.LANGUAGE_CODE, editable=False)
    # At most one unfinished job may hold a key: asking twice for the same thing gives the same job.
    dedupe_key = models.CharField(max_length=200, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="jobs"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    stage_started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["-created_at"], name="job_newest"),
            # The recovery sweep looks at unfinished jobs only, every few seconds.
            models.Index(
                fields=["heartbeat_at"], name="job_unfinished", condition=models.Q(state__in=["queued", "running"])
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["dedupe_key"],
                name="job_one_unfinished_per_key",
                condition=models.Q(state__in=["queued", "running"]) & ~models.Q(dedupe_key=""),
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.get_state_display()})"

    @property
    def name(self) -> str:
        """The title in the active language."""
        return in_this_language(self.title)

    @property
    def stage_name(self) -> str:
        """The stage in the active language."""
        return gettext(self.stage) if self.stage else ""

    @property
    def message(self) -> str:
        """How the job went, in the active language; "" where it does not say."""
        return in_this_language((self.result or {}).get("message", ""))

    @property
    def shown_result(self) -> dict[str, Any] | None:
        """The result with its message in the active language."""
        if not self.result or "message" not in self.result:
            return self.result
        return {**self.result, "message": self.message}

    @property
    def own_page(self) -> str:
        """The address of the page that its kind has for it, "" where it has none."""
        return own_page(self.kind, self.pk)

    @property
    def place(self) -> str:
        """Where one follows it: its own page, otherwise the page that every job has."""
        return self.own_page or reverse("jobs:detail", args=[self.pk])

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED

    @property
    def is_canceling(self) -> bool:
        return not self.is_finished and self.cancel_requested_at is not None

    @property
    def fraction(self) -> float | None:
        """How far the present stage is, 0..1; None where the total is not known."""
        if self.state == JobState.SUCCEEDED:
            return 1.0
        return min(self.done / self.total, 1.0) if self.total else None

    @property
    def percent(self) -> int | None:
        return None if self.fraction is None else round(self.fraction * 100)

    @property
    def rate_per_second(self) -> float | None:
        """Units done a second in the present stage."""
        if not self.stage_started_at or not self.done:
            return None
        seconds = ((self.finished_at or timezone.now()) - self.stage_started_at).total_seconds()
        return self.done / seconds if seconds > 0 else None

    @property
    def time_left(self) -> timedelta | None:
        rate = self.rate_per_second
        if self.state != JobState.RUNNING or not rate or not self.total:
            return None
        return timedelta(seconds=max(self.total - self.done, 0) / rate)

    @property
    def duration(self) -> timedelta | None:
        if not self.started_at:
            return None
        return (self.finished_at or timezone.now()) - self.started_at


class ChunkState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")


class JobChunk(models.Model):
    """A part of a job that any worker may take; see ``annotator.jobs.chunks``. Rows go when their job has ended."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="chunks")
    position = models.PositiveIntegerField()
    payload = models.JSONField(help_text="The work: a list, counted by its length.")
    state = models.CharField(max_length=10, choices=ChunkState.choices, default=ChunkState.WAITING)
    done = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    # Whoever works on it now; as Job.run_token.
    token = models.UUIDField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["job", "position"]
        constraints = [models.UniqueConstraint(fields=["job", "position"], name="job_chunk_once")]
        indexes = [
            # The next one to take, and those whose worker is gone; the finished ones are most.
            models.Index(
                fields=["job", "position"], name="job_chunk_open", condition=models.Q(state__in=["waiting", "running"])
            )
        ]

    def __str__(self) -> str:
        return f"{self.job_id} chunk {self.position} ({self.get_state_display()})"
