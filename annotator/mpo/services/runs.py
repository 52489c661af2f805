"""Runs are planned, written into a folder, queued, and taken up again where they stopped."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path
from typing import Any

from django.conf import settings as platform
from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext

from annotator.core.errors import ConflictError, ProblemError
from annotator.core.texts import in_all_languages
from annotator.jobs.models import Job, JobState, Queue
from annotator.jobs.services import enqueue
from annotator.mpo.models import MpoRun, PairSet
from annotator.mpo.options import Level, MiningOptions
from annotator.mpo.services.run_estimate import RunEstimate, estimate_run, free_disk
from annotator.mpo.services.run_plan import RunPlan, plan_run, problem_at, training_pairs

TRAIN_TASK = "mpo.train"
# With more pairs the job writes the folder: nobody should wait a minute for a page.
WRITTEN_AT_ONCE = 50_000


def create_run(
    *,
    name: str = "",
    pair_set: PairSet,
    pipeline: str,
    start_lora: str = "",
    settings: dict[str, Any],
    held_out_share: float = 0.1,
    requested_by: Any = None,
) -> MpoRun:
    """Check everything, write the run's folder, and queue its training.

    Args:
        pipeline: See ``pipelines``.
        start_lora: See ``pipelines``.
        settings: As ``reward_engine.mpo.training.Settings``.

    Raises:
        ProblemError: With ``field`` where one is to blame.
    """
    name = name.strip()[:200] or default_name(pair_set)
    if MpoRun.objects.filter(name=name).exists():
        raise _taken(name)
    plan = plan_run(
        pair_set=pair_set, pipeline=pipeline, start_lora=start_lora, settings=settings, held_out_share=held_out_share
    )
    estimate = estimate_run(plan)
    if estimate is not None:
        _require_disk(estimate)
    run = MpoRun(
        name=name,
        pair_set=pair_set,
        pipeline=plan.pipeline,
        pipeline_class=plan.pipeline_class,
        start_lora=plan.start_lora,
        settings=plan.settings.to_dict(),
        held_out_share=held_out_share,
        estimate=estimate.to_json() if estimate else {},
        path=f"mpo/runs/{slugify(name)[:40] or 'run'}-{uuid.uuid4().hex[:8]}",
        created_by=requested_by,
    )
    try:
        # A hub id is left to the job: looking it up loads PyTorch and asks the network.
        if isinstance(plan.source, Path) and plan.split.trained_pairs <= WRITTEN_AT_ONCE:
            write_folder(run, plan)
        with transaction.atomic():
            run.save()
            run.job = _queue(run, requested_by)
            run.save(update_fields=["job", "updated_at"])
    except BaseException as error:
        shutil.rmtree(run.folder, ignore_errors=True)
        if isinstance(error, IntegrityError):  # somebody took the name between the question and here
            raise _taken(name) from error
        raise
    return run


def _taken(name: str) -> ProblemError:
    return ProblemError(
        gettext("A run called “%(name)s” already exists. Choose another name.") % {"name": name},
        code="name_taken",
        field="name",
    )


def write_folder(run: MpoRun, plan: RunPlan) -> None:
    """Prepare the run's folder and note what it holds in the row, unsaved. The pipeline must lie here by now."""
    from reward_engine.mpo.training import prepare

    pairs = training_pairs(plan)
    try:
        with problem_at("pair_set"):
            prepared = prepare(
                run.folder,
                pipeline=plan.source,
                pairs=pairs,
                settings=plan.settings,
                lora=plan.lora,
                cache=platform.ARTIFACT_ROOT / "mpo" / "cache",
                record=_record(run, plan),
            )
    except OSError as error:
        raise ProblemError(
            gettext(
                "The run's folder cannot be written (%(what)s). Check the space and permissions of the "
                "artifact folder, then try again."
            )
            % {"what": error.strerror or error},
            code="write",
            status=500,
        ) from error
    run.pipeline_fingerprint = prepared.pipeline_fingerprint
    run.trained_pairs, run.held_out_pairs = len(prepared.training), len(prepared.held_out)
    run.trained_prompts, run.held_out_prompts = plan.split.trained_prompts, plan.split.held_out_prompts


def _record(run: MpoRun, plan: RunPlan) -> dict[str, Any]:
    """What the manifest and the model card say of where the pairs come from."""
    pair_set = plan.pair_set
    model = pair_set.reward_model
    return {
        "run": run.name,
        "objective": "total reward (DPO baseline)" if run.by_total else "dominance (MPO)",
        "pair set": {"id": pair_set.pk, "name": pair_set.name, "options": pair_set.options},
        "reward model": {"id": model.pk, "name": str(model), "files_sha256": model.manifest.get("manifest_sha256", "")},
        "checklist": {
            "name": model.checklist_version.name,
            "version": model.checklist_version.version,
            "content_hash": model.checklist_version.content_hash,
        },
        "pipeline": plan.pipeline,
        "start LoRA": plan.start_lora or None,
    }


def _require_disk(estimate: RunEstimate) -> None:
    free = free_disk()
    if estimate.disk_bytes > free:
        raise ProblemError(
            gettext(
                "The run needs about %(disk_bytes).1f GB of disk space for encoded media and saved states, "
                "but the artifact folder has only %(free).1f GB free. Free some space, or train on fewer "
                "pairs."
            )
            % {"disk_bytes": estimate.disk_bytes / 1e9, "free": free / 1e9},
            code="disk",
        )


def default_name(pair_set: PairSet) -> str:
    """Name a run after its pairs, “MPO on …”, with a number if taken."""
    level = MiningOptions.of_set(pair_set.options).level
    base = f"{'Total-reward DPO' if level == Level.TOTAL else 'MPO'} on {pair_set.name}"[:190]
    taken = set(MpoRun.objects.filter(name__startswith=base).values_list("name", flat=True))
    return next(name for n in range(1, len(taken) + 2) if (name := base if n == 1 else f"{base}, {n}") not in taken)


@transaction.atomic
def resume_run(*, run: MpoRun, requested_by: Any = None) -> MpoRun:
    """Queue a canceled or failed run again.

    It goes on from its last state.

    Raises:
        ConflictError: If it cannot go on; the message says why.
    """
    run = MpoRun.objects.select_for_update(of=("self",)).select_related("job").get(pk=run.pk)
    if run.finished_at is not None:
        raise ConflictError(
            gettext("“%(run)s” is finished, so there is nothing to resume.") % {"run": run}, code="finished"
        )
    if run.job is not None and not run.job.is_finished:
        if run.job.is_canceling:
            raise ConflictError(
                gettext("“%(run)s” is being canceled. Wait until it has stopped.") % {"run": run}, code="canceling"
            )
        return run
    run.job = _queue(run, requested_by)
    run.save(update_fields=["job", "updated_at"])
    return run


def _queue(run: MpoRun, requested_by: Any) -> Job:
    return enqueue(
        kind=TRAIN_TASK,
        title=in_all_languages(lambda: gettext("Train “%(name)s”") % {"name": run.name}),
        params={"run": run.pk},
        queue=Queue.MPO,
        requested_by=requested_by,
        dedupe_key=f"{TRAIN_TASK}:{run.pk}",
    )


def state_of(run: MpoRun) -> str:
    """Read the state of a run.

    It is ``finished``, or the state of its job, or ``lost`` where the job was deleted before the run was finished.
    """
    if run.finished_at is not None:
        return "finished"
    return "lost" if run.job is None else JobState(run.job.state).value
