"""Takes up a training that was cancelled or failed, from its last checkpoint and on the same judgments."""

from __future__ import annotations

from typing import Any

from annotator.core.errors import ConflictError
from annotator.jobs.models import Job, Queue
from annotator.jobs.services import enqueue
from annotator.rewards.judges.vlm.work import can_resume, folder_of
from annotator.rewards.services.training import TRAIN_TASK


def resume_training(*, job: Job, requested_by: Any = None) -> Job:
    """Ask for the rest of a training. Asking twice gives the job that is under way.

    Raises ConflictError where it is under way or done, or nothing is left to go on from.
    """
    if job.kind != TRAIN_TASK:
        raise ConflictError("Only trainings can be resumed.", code="not_a_training")
    if not job.is_finished:
        raise ConflictError("This training is under way; there is nothing to resume.", code="running")
    if not can_resume(job):
        raise ConflictError(
            "Nothing is left of this training to go on from. Train again with the same settings instead.",
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
