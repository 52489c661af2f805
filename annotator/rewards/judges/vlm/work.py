"""Where a training works: a folder that outlives its job, so that a later job can resume it.

ARTIFACT_ROOT/trainings/<work>/     see reward_engine.training.vlm.session
"""

from __future__ import annotations

import shutil
import time
import uuid
from pathlib import Path

from django.conf import settings as platform

from annotator.jobs.models import FINISHED, Job, JobState
from annotator.jobs.services import JobRun
from annotator.rewards.services import artifacts


def trainings_root() -> Path:
    return artifacts.root() / "trainings"


def folder_of(job: Job) -> Path:
    """The folder of a training job, which need not exist (yet, or any more)."""
    work = str(job.params.get("work") or job.pk)
    return trainings_root() / str(uuid.UUID(work))  # never a path


def work_folder(run: JobRun) -> Path:
    """The folder of this run's training, made where it is not there; old ones that nobody needs are taken away."""
    clean(keep=folder_of(run.job))
    folder = folder_of(run.job)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def can_resume(job: Job) -> bool:
    """Whether this training was cut short and its folder is still there."""
    return job.state in (JobState.FAILED, JobState.CANCELED) and (folder_of(job) / "training.json").is_file()


def clean(keep: Path | None = None) -> None:
    """Take away folders of trainings that ended well, or were cut short long ago."""
    jobs: dict[str, list[Job]] = {}
    for job in Job.objects.filter(kind="rewards.train"):
        jobs.setdefault(folder_of(job).name, []).append(job)
    for folder in trainings_root().glob("*"):
        if folder == keep:
            continue
        own = jobs.get(folder.name, [])
        if any(job.state not in FINISHED for job in own):
            continue
        done = any(job.state == JobState.SUCCEEDED for job in own)
        old = time.time() - folder.stat().st_mtime > platform.TRAININGS_KEPT_DAYS * 86400
        if done or old:
            shutil.rmtree(folder, ignore_errors=True)
