"""The job that trains a run: it goes on from the run's last state, whoever began it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils import timezone

from annotator.core.errors import ProblemError
from annotator.jobs.devices import measure_worker
from annotator.jobs.services import JobCancelled, Run, run_job
from annotator.mpo.models import MpoRun
from annotator.mpo.pipelines import pipeline_source
from annotator.mpo.services.planning import located, plan_run
from annotator.mpo.services.runs import write_folder

if TYPE_CHECKING:
    from reward_engine.mpo.training import Metrics


def run_training(job_id: str) -> None:
    run_job(job_id, train_run)


def train_run(held: Run) -> dict[str, Any]:
    """The work of the job."""
    rows = MpoRun.objects.select_related("pair_set__reward_model__checklist_version")
    run = rows.filter(pk=held.params["run"]).first()
    if run is None:
        raise ProblemError("The run has been deleted; there is nothing to train.", code="no_run")
    if run.finished_at is not None:
        return _result(run)
    if not (run.folder / "run.json").exists():
        _prepare(held, run)
    from reward_engine.mpo import memory
    from reward_engine.mpo.training import check_result, train

    held.stage("Loading the pipeline")
    measure_worker()
    watch = _Watch(held, run)
    try:
        outcome = train(run.folder, on_metrics=watch.metrics, progress=watch.encoding, cancelled=held.cancelled)
    finally:
        memory.release()
    if not outcome.finished:
        held.check()  # says why: cancelled, or lost
        raise ProblemError("The training stopped before its end. Resume the run.", code="stopped")
    manifest = check_result(run.folder)
    with held.commit():
        MpoRun.objects.filter(pk=run.pk).update(manifest=manifest, finished_at=timezone.now())
    run.refresh_from_db()
    return _result(run)


def _prepare(held: Run, run: MpoRun) -> None:
    """What was not done when the run was asked for: a pipeline from the hub is fetched, many pairs are written."""
    from reward_engine.mpo.policies import folder

    source = pipeline_source(run.pipeline)
    if located(source) is None:
        held.stage("Fetching the pipeline")
        folder.resolve(source)
    held.stage("Writing pairs")
    plan = plan_run(
        pair_set=run.pair_set, pipeline=run.pipeline, start_lora=run.start_lora, settings=run.settings,
        held_out_share=run.held_out_share,
    )  # fmt: skip
    write_folder(run, plan)
    with held.commit():
        run.save()


class _Watch:
    """Tells the job how far the training is."""

    def __init__(self, held: Run, run: MpoRun) -> None:
        self.held, self.steps = held, int(run.settings["steps"])
        self.began: int | None = None
        self.encodes, self.draws = False, bool(run.settings["sample_every"])

    def encoding(self, done: int, total: int) -> None:
        if not self.encodes:
            self.encodes = True
            self.held.stage("Encoding media and prompts", total)
        self.held.progress(done)
        if done == total and self.draws:
            self.held.stage("Drawing the first samples")

    def metrics(self, metrics: Metrics) -> None:
        # Cancelling must not cut the loop off before it has saved its state: it asks by itself after each step.
        with contextlib.suppress(JobCancelled):
            if self.began is None:
                # Counted from where this worker began, so that its speed and the time left are right.
                self.began = metrics.step - 1
                from_step = f" from step {self.began:,}" if self.began else ""
                self.held.stage(f"Training{from_step}", self.steps - self.began)
            self.held.progress(metrics.step - self.began)


def _result(run: MpoRun) -> dict[str, Any]:
    measures = run.manifest.get("measures", {})
    held_out = measures.get("held_out_accuracy")
    words = f"{measures.get('steps', 0):,} steps"
    if held_out is not None:
        words += f"; winners of held-out pairs are preferred in {held_out:.0%}"
    return {"message": f"{words}.", "url": reverse("mpo:run", args=[run.pk]), "run": run.pk}
