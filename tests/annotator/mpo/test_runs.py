"""Runs: planned and refused before anything is queued, trained by a job, canceled, killed, resumed."""

import json
import os
import shutil
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as platform
from django.db import connection
from django.utils import timezone
from safetensors.numpy import load_file

from annotator.core.errors import ConflictError, ProblemError
from annotator.jobs.models import Job, JobState
from annotator.jobs.services import recover_lost, request_cancel
from annotator.mpo import queries, services
from annotator.mpo.curves import curves_of, read_lines
from annotator.mpo.models import MpoRun, PairSet
from annotator.mpo.services import run_estimate, run_plan, runs
from tests.annotator.mpo.tuning import PROMPTS, SETTINGS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quiet_machine")]


def ask(pair_set: PairSet, **changes: Any) -> MpoRun:
    given: dict[str, Any] = {"pair_set": pair_set, "pipeline": "tiny", "settings": SETTINGS, "held_out_share": 0.2}
    return services.create_run(**given | changes)


def train(run: MpoRun) -> MpoRun:
    """Do the run's job here."""
    services.run_training(str(run.job_id))
    run = MpoRun.objects.select_related("job").get(pk=run.pk)
    return run


def adapter(run: MpoRun) -> dict[str, Any]:
    return load_file(run.folder / queries.LORA)


_whole: dict[str, Any] = {}


def whole_adapter(pair_set: PairSet) -> dict[str, Any]:
    """What the run of ``ask`` learns when nothing comes between; trained once, as it is the same every time."""
    if not _whole:
        _whole.update(adapter(train(ask(pair_set, name="Whole"))))
    return _whole


def same(left: dict[str, Any], right: dict[str, Any]) -> bool:
    return left.keys() == right.keys() and all((left[name] == right[name]).all() for name in left)


def test_a_run_is_planned_trained_and_leaves_what_it_promises(pair_set_to_train_on: PairSet) -> None:
    run = ask(pair_set_to_train_on, name="Brighter")
    assert (run.job.kind, run.job.queue, run.job.state) == ("mpo.train", "mpo", "queued")
    assert run.trained_prompts + run.held_out_prompts == len(PROMPTS)
    assert run.held_out_prompts == 2, "as many as a comparison needs, though the share asks for one"
    assert run.trained_pairs + run.held_out_pairs == 10
    assert run.estimate["memory_bytes"] > 0
    assert run.estimate["times"][0]["device"] == "CPU"
    run = train(run)
    assert run.job.state == "succeeded", run.job.error
    assert run.finished_at is not None
    assert run.job.result["url"] == f"/mpo/runs/{run.pk}/"
    assert run.manifest["pairs"] == {"trained": run.trained_pairs, "held_out": run.held_out_pairs}
    record = run.manifest["record"]
    assert record["pair set"]["name"] == "Bright ones"
    assert record["checklist"]["content_hash"] == run.pair_set.reward_model.checklist_version.content_hash
    assert record["objective"] == "dominance (MPO)"
    curves = curves_of(run.folder)
    assert curves.step == 6
    assert [step for step, _ in curves.accuracy.held_out] == [3, 6]
    assert curves.margin.points[0][1] == 0.0, "it begins as its own reference"
    assert all(value for _, value in curves.margin.points[1:]), "then it learns"
    assert [grid.step for grid in queries.grids(run)] == [0, 3, 6]
    assert len(queries.sample_prompts(run)) == min(2, run.held_out_prompts)
    assert {name for name, _ in queries.artifacts(run)} >= {"manifest.json", "README.md", "metrics.jsonl", queries.LORA}
    _whole.update(adapter(run))
    with pytest.raises(ConflictError, match="finished"):
        services.resume_run(run=run)
    services.run_training(str(run.job_id))  # a late message of the same job
    assert MpoRun.objects.get().finished_at == run.finished_at


def test_held_out_prompts_are_the_same_whatever_the_pairs(pair_set_to_train_on: PairSet, files: Path) -> None:
    from tests.annotator.mpo.tuning import make_pair_set

    other = make_pair_set(files, pair_set_to_train_on.reward_model, "By the total", level="total")
    first, second = (services.split_pairs(pairs, 0.5) for pairs in (pair_set_to_train_on, other))
    assert first.held_out == second.held_out
    assert 0 < first.held_out_prompts < len(PROMPTS)
    assert ask(other).by_total
    nothing = services.split_pairs(other, 0)
    assert (nothing.held_out_prompts, nothing.trained_pairs) == (0, 10)
    nearly_all = services.split_pairs(other, 0.999)
    assert nearly_all.trained_prompts >= 1


def test_of_many_held_out_pairs_some_are_measured(pair_set_to_train_on: PairSet, monkeypatch: Any) -> None:
    monkeypatch.setattr(run_plan, "MOST_MEASURED", 1)
    run = ask(pair_set_to_train_on)
    assert run.held_out_pairs == 1
    pairs = [json.loads(line) for line in (run.folder / "pairs.jsonl").read_text().rstrip("\n").split("\n")]
    assert sum(pair["held_out"] for pair in pairs) == 1


def refused(pair_set: PairSet, **changes: Any) -> tuple[str | None, str, str]:
    """(field, code, message) of the refusal, which leaves nothing behind."""
    with pytest.raises(ProblemError) as caught:
        ask(pair_set, **changes)
    assert not Job.objects.exists()
    assert not MpoRun.objects.exists()
    assert not list((platform.ARTIFACT_ROOT / "mpo" / "runs").glob("*"))
    field = caught.value.details.get("field")
    return (str(field) if field else None), caught.value.code, caught.value.message


def test_what_cannot_be_trained_on_is_refused_at_the_field(pair_set_to_train_on: PairSet, tiny_pipeline: str) -> None:
    pair_set = pair_set_to_train_on
    folder = platform.PIPELINE_ROOTS[0]
    (folder / "pictures").mkdir()
    assert refused(pair_set, pipeline="pictures")[:2] == ("pipeline", "no_pipeline")
    assert refused(pair_set, pipeline="nothing")[:2] == ("pipeline", "no_pipeline")
    assert refused(pair_set, pipeline="../outside")[:2] == ("pipeline", "no_pipeline")
    assert "operator has not allowed" in refused(pair_set, pipeline="owner/model")[2]
    shutil.copytree(folder / "tiny", folder / "half")
    shutil.rmtree(folder / "half" / "vae")
    assert refused(pair_set, pipeline="half")[:2] == ("pipeline", "incomplete_pipeline")
    shutil.copytree(folder / "tiny", folder / "other")
    index = folder / "other" / "model_index.json"
    index.write_text(index.read_text().replace("StableDiffusionPipeline", "AuraFlowPipeline"))
    assert refused(pair_set, pipeline="other")[:2] == ("pipeline", "unknown_family")
    assert refused(pair_set, start_lora="none")[0] == "start_lora"
    (folder / "lora.safetensors").write_bytes(b"nothing")
    assert refused(pair_set, start_lora="lora.safetensors")[:2] == ("start_lora", "damaged_pipeline")
    assert refused(pair_set, settings=SETTINGS | {"steps": 0})[:2] == ("steps", "settings")
    assert refused(pair_set, settings=SETTINGS | {"width": 10**9})[:2] == ("width", "settings")
    assert refused(pair_set, settings=SETTINGS | {"seed": -1})[:2] == ("seed", "settings")
    assert refused(pair_set, settings=SETTINGS | {"beta": float("inf")})[:2] == ("beta", "settings")
    assert refused(pair_set, settings=SETTINGS | {"speed": 1})[:2] == ("settings", "settings")
    assert refused(pair_set, held_out_share=1.0)[0] == "held_out_share"


def test_pairs_that_are_none_are_refused_in_words(pair_set_to_train_on: PairSet) -> None:
    pair_set = pair_set_to_train_on
    model = pair_set.reward_model
    empty = PairSet.objects.create(name="Empty", reward_model=model, ready_at=timezone.now())
    assert refused(empty)[:2] == ("pair_set", "no_pairs")
    pair = pair_set.pairs.order_by("pk").first()
    pair.gap_by_dimension = [0.1]
    pair.save()
    assert refused(pair_set)[:2] == ("pair_set", "mixed_versions")
    pair.vetoed_at = timezone.now()
    pair.save()
    pair_set.pairs.last().winner.scores.all().delete()
    field, code, message = refused(pair_set)
    assert (field, code) == ("pair_set", "missing_scores")
    assert "1 item of “Bright ones” no longer has a score from Image reward v1" in message
    pair_set.options = {"level": "dimension", "source": "consensus"}
    assert ask(pair_set).trained_pairs + 1 <= 9
    MpoRun.objects.all().delete()
    pair_set.pairs.update(vetoed_at=timezone.now())
    assert "all 10 are vetoed" in _message(pair_set)


def _message(pair_set: PairSet) -> str:
    with pytest.raises(ProblemError) as caught:
        ask(pair_set)
    return caught.value.message


def test_videos_for_an_image_pipeline_and_lost_files_are_refused(
    pair_set_to_train_on: PairSet, monkeypatch: Any
) -> None:
    pair_set = pair_set_to_train_on
    monkeypatch.setattr(run_estimate, "free_disk", lambda: 10)
    monkeypatch.setattr(runs, "free_disk", lambda: 10)
    assert refused(pair_set)[:2] == (None, "disk")
    monkeypatch.undo()
    shutil.rmtree(platform.MEDIA_ROOT / "originals")
    assert refused(pair_set)[:2] == ("pair_set", "missing_media")
    pair_set.reward_model.media_type = "video"
    field, code, message = refused(pair_set)
    assert (field, code) == ("pipeline", "media_type")
    assert "generates image items" in message


def test_one_name_one_run_and_the_name_can_be_left_out(pair_set_to_train_on: PairSet) -> None:
    assert [ask(pair_set_to_train_on).name for _ in range(2)] == ["MPO on Bright ones", "MPO on Bright ones, 2"]
    with pytest.raises(ProblemError, match="already") as caught:
        ask(pair_set_to_train_on, name="MPO on Bright ones")
    assert caught.value.details["field"] == "name"


def test_a_canceled_run_is_resumed_to_the_same_end(pair_set_to_train_on: PairSet, monkeypatch: Any) -> None:
    whole = whole_adapter(pair_set_to_train_on)
    run = ask(pair_set_to_train_on, name="Canceled")
    assert services.resume_run(run=run).job_id == run.job_id, "it waits already"

    from annotator.jobs.services import JobRun

    real = JobRun.progress

    def progress(held: JobRun, done: int, total: int | None = None) -> None:
        job = Job.objects.get(pk=held.job.pk)
        if job.stage.startswith("Training") and done == 3:
            request_cancel(job=job)
            held._flush()
        real(held, done, total)

    monkeypatch.setattr(JobRun, "progress", progress)
    run = train(run)
    assert run.job.state == "canceled"
    assert run.finished_at is None
    assert curves_of(run.folder).step == 4, "it is asked after each step, and saves what it has"
    resumed = services.resume_run(run=run)
    assert resumed.job_id != run.job_id
    run = train(resumed)
    assert run.job.state == "succeeded", run.job.error
    assert [line["step"] for line in read_lines(run.folder / "metrics.jsonl")] == [1, 2, 3, 4, 5, 6]
    assert same(adapter(run), whole)


@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_s_run_is_retaken_and_comes_to_the_same_end(pair_set_to_train_on: PairSet) -> None:
    """kill -9 in the middle of step six; the last state is of four. The sweep puts the job back."""
    whole = whole_adapter(pair_set_to_train_on)
    run = ask(pair_set_to_train_on, name="Killed")
    child = os.fork()
    if child == 0:  # from here on only the signal ends it: no clean-up of the parent's runs in the child
        try:
            connection.connection = None  # the parent's goes on in the parent
            from reward_engine.mpo.training import session

            real = session.Session.accumulate

            def accumulate(self: Any, step: int) -> Any:
                if step == 5:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(self, step)

            session.Session.accumulate = accumulate  # type: ignore[method-assign]
            services.run_training(str(run.job_id))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    run.refresh_from_db()
    assert run.job.state == JobState.RUNNING
    assert len(read_lines(run.folder / "metrics.jsonl")) == 5
    assert recover_lost(now=timezone.now() + timedelta(minutes=1)) == 1
    run = train(run)
    assert (run.job.state, run.job.attempts) == ("succeeded", 2)
    assert run.job.stage == "Training, resumed"
    assert same(adapter(run), whole)
    assert [line["step"] for line in read_lines(run.folder / "metrics.jsonl")] == [1, 2, 3, 4, 5, 6]


def test_a_run_whose_pipeline_has_changed_says_so(pair_set_to_train_on: PairSet) -> None:
    run = ask(pair_set_to_train_on)
    config = platform.PIPELINE_ROOTS[0] / "tiny" / "unet" / "config.json"
    config.write_text(config.read_text() + " ")
    run = train(run)
    assert run.job.state == "failed"
    assert "has changed since the run was prepared" in run.job.error


def test_many_pairs_are_written_by_the_job(pair_set_to_train_on: PairSet, monkeypatch: Any) -> None:
    monkeypatch.setattr(runs, "WRITTEN_AT_ONCE", 0)
    run = ask(pair_set_to_train_on, settings=SETTINGS | {"steps": 1, "sample_every": 0, "evaluate_every": 0})
    assert not run.folder.exists()
    pair_set_to_train_on.pairs.first().winner.scores.all().delete()
    failed = train(run)
    assert (failed.job.state, failed.job.stage) == ("failed", "Writing pairs")
    assert "no longer has a score" in failed.job.error
    PairSet.objects.update(options={"level": "dimension", "source": "consensus"})
    run = train(services.resume_run(run=failed))
    assert run.job.state == "succeeded", run.job.error
    assert (run.trained_pairs > 0, len(run.pipeline_fingerprint)) == (True, 64)


def test_curves_are_thinned_by_means_and_survive_a_cut_line(tmp_path: Path) -> None:
    one = {"accuracy": 0.5, "margin": 0, "seconds": 2}
    lines = [json.dumps(one | {"step": n, "loss": float(n)}) for n in range(1, 901)]
    (tmp_path / "metrics.jsonl").write_text("\n".join([*lines, lines[-1], '{"step": 901, "lo']))
    found = curves_of(tmp_path)
    assert found.step == 900
    assert len(found.loss.points) == 300
    assert found.loss.points[0] == (3.0, 2.0)
    assert found.time_left(1000) == timedelta(seconds=200)
    assert curves_of(tmp_path / "none").step == 0


def test_the_sweeps_of_others_find_nothing_to_do(pair_set_to_train_on: PairSet, run_now: Callable) -> None:
    """Mining takes away what unfinished jobs left; a run's files are not among it."""
    run = ask(pair_set_to_train_on)
    assert services.remove_unfinished() == 0
    assert (run.folder / "run.json").is_file()
