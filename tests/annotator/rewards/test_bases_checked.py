"""A real check of a real (tiny) vision-language model, and of one that must be refused."""

from pathlib import Path
from typing import Any

import pytest

from annotator.jobs.models import Job, JobState
from annotator.jobs.services import run_job
from annotator.rewards import queries, services
from benchmarks.models import Size, build

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("vlms")
    build("qwen2_vl", root / "tiny", Size())
    return root


def test_a_tiny_model_is_found_checked_and_ready(models: Path, settings: Any) -> None:
    settings.VLM_ROOTS = [models]
    assert "tiny" in queries.registrable()
    base = services.register_base(name="tiny")
    run_job(str(base.job_id), services.check_base)
    base.refresh_from_db()
    assert (base.state, base.error) == ("ready", "")
    report = base.report
    assert report["family"] == "qwen2_vl"
    assert report["parameters"] > 1000
    assert report["way"] == "packed"
    assert report["largest_difference"] < 1e-4
    assert report["memory_bytes"] > report["weights_bytes"] > 0
    assert base.digest == report["digest"]
    assert str(models) not in str(report)


def test_pickled_weights_are_refused_by_the_job_in_the_engines_words(models: Path, settings: Any) -> None:
    settings.VLM_ROOTS = [models]
    folder = models / "pickled"
    folder.mkdir()
    for path in (models / "tiny").iterdir():
        if path.suffix != ".safetensors":
            (folder / path.name).write_bytes(path.read_bytes())
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    base = services.register_base(name="pickled")
    run_job(str(base.job_id), services.check_base)
    base.refresh_from_db()
    assert base.state == "refused"
    assert "pickled" in base.error
    job = Job.objects.get(pk=base.job_id)
    assert (job.state, job.error) == (JobState.FAILED, base.error)
