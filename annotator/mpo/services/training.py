"""The job that trains a run: it goes on from the run's last state, whoever began it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop, ngettext

from annotator.core.errors import ProblemError
from annotator.core.texts import in_all_languages, joined
from annotator.generations.pipelines import located, pipeline_source
from annotator.jobs.devices import measure_worker
from annotator.jobs.services import JobCanceled, JobRun, run_job
from annotator.mpo.models import MpoRun
from annotator.mpo.services.run_plan import plan_run
from annotator.mpo.services.runs import write_folder

if TYPE_CHECKING:
    from reward_engine.mpo.training import Metrics


def run_training(job_id: str) -> None:
    """Run the job of an MPO run."""
    run_job(job_id, train_run)


def train_run(held: JobRun) -> dict[str, Any]:
    """Train a run within its job."""
    rows = MpoRun.objects.select_related("pair_set__reward_model__checklist_version")
    run = rows.filter(pk=held.params["run"]).first()
    if run is None:
        raise ProblemError(gettext("The run has been deleted, so there is nothing to train."), code="no_run")
    if run.finished_at is not None:
        return _result(run)
    if not (run.folder / "run.json").exists():
        _prepare(held, run)
    from reward_engine.mpo import memory
    from reward_engine.mpo.training import check_result, train

    held.stage(gettext_noop("Loading the pipeline"))
    measure_worker()
    watch = _Watch(held, run)
    try:
        outcome = train(run.folder, on_metrics=watch.metrics, progress=watch.encoding, canceled=held.canceled)
    finally:
        memory.release()
    if not outcome.finished:
        held.check()  # says why: canceled, or lost
        raise ProblemError(gettext("The training stopped before it was finished. Resume the run."), code="stopped")
    manifest = check_result(run.folder)
    with held.commit():
        MpoRun.objects.filter(pk=run.pk).update(manifest=manifest, finished_at=timezone.now())
    run.refresh_from_db()
    return _result(run)


def _prepare(held: JobRun, run: MpoRun) -> None:
    """What was not done when the run was asked for: a pipeline from the hub is fetched, many pairs are written."""
    from reward_engine.mpo.policies import folder

    source = pipeline_source(run.pipeline)
    if located(source) is None:
        held.stage(gettext_noop("Fetching the pipeline"))
        folder.resolve(source)
    held.stage(gettext_noop("Writing pairs"))
    plan = plan_run(
        pair_set=run.pair_set, pipeline=run.pipeline, start_lora=run.start_lora, settings=run.settings,
        held_out_share=run.held_out_share,
    )  # fmt: skip
    write_folder(run, plan)
    with held.commit():
        run.save()


class _Watch:
    """Tells the job how far the training is."""

    def __init__(self, held: JobRun, run: MpoRun) -> None:
        self.held, self.steps = held, int(run.settings["steps"])
        self.began: int | None = None
        self.encodes, self.draws = False, bool(run.settings["sample_every"])

    def encoding(self, done: int, total: int) -> None:
        if not self.encodes:
            self.encodes = True
            self.held.stage(gettext_noop("Encoding media and prompts"), total)
        self.held.progress(done)
        if done == total and self.draws:
            self.held.stage(gettext_noop("Drawing the first samples"))

    def metrics(self, metrics: Metrics) -> None:
        # Canceling must not cut the loop off before it has saved its state: it asks by itself after each step.
        with contextlib.suppress(JobCanceled):
            if self.began is None:
                # Counted from where this worker began, so that its speed and the time left are right.
                self.began = metrics.step - 1
                name = gettext_noop("Training, resumed") if self.began else gettext_noop("Training")
                self.held.stage(name, self.steps - self.began)
            self.held.progress(metrics.step - self.began)


def _result(run: MpoRun) -> dict[str, Any]:
    return {
        "message": in_all_languages(lambda: _in_words(run)),
        "url": reverse("mpo:run", args=[run.pk]),
        "run": run.pk,
    }


def _in_words(run: MpoRun) -> str:
    """ "400 steps. The winners of held-out pairs are preferred in 71%." """
    measures = run.manifest.get("measures", {})
    n, held_out = measures.get("steps", 0), measures.get("held_out_accuracy")
    sentences = [ngettext("%(n)s step.", "%(n)s steps.", n) % {"n": f"{n:,}"}]
    if held_out is not None:
        text = gettext("The winners of held-out pairs are preferred in %(share)s.")
        sentences.append(text % {"share": f"{held_out:.0%}"})
    return joined(sentences)
