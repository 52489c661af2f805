"""Resumes a canceled or failed training from its last checkpoint, on the same judgments."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext

from annotator.core.errors import ConflictError
from annotator.jobs.models import Job, Queue
from annotator.jobs.services import enqueue
from annotator.rewards.judges.vlm.work import can_resume, folder_of
from annotator.rewards.services.training_request import TRAIN_TASK


def resume_training(*, job: Job, requested_by: Any = None) -> Job:
    """Request the rest of a training.

    Asking twice returns the job that is under way.

    Raises:
        ConflictError: If it is under way or done, or nothing is left to go on from.
    """
    if job.kind != TRAIN_TASK:
        raise ConflictError(gettext("Only training jobs can be resumed."), code="not_a_training")
    if not job.is_finished:
        raise ConflictError(
            gettext("This training is still in progress, so there is nothing to resume."), code="running"
        )
    if not can_resume(job):
        raise ConflictError(
            gettext("This training left no checkpoint to resume from. Train again with the same settings."),
            code="no_checkpoint",
        )
    work = folder_of(job).name
    return enqueue(
        kind=TRAIN_TASK,
        title=job.title,
        params={**job.params, "work": work},
        queue=Queue.GPU,
        requested_by=requested_by,
        dedupe_key=f"train:resume:{work}",
    )
