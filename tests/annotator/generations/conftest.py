"""Tiny pipelines in an allowed folder, and a worker's work done at once."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.cache import cache

from annotator.jobs.devices import HERE, WORKER
from annotator.jobs.models import Job


@pytest.fixture(scope="session")
def tiny_pipelines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tiny pipelines, made once; see ``generating.save_pipelines``."""
    from tests.annotator.generations.generating import save_pipelines

    root = tmp_path_factory.mktemp("pipelines")
    save_pipelines(root)
    return root


@pytest.fixture
def pipelines(
    tiny_pipelines: Path, settings: object, files: Path, monkeypatch: pytest.MonkeyPatch, quiet_machine: None
) -> Path:
    """The tiny pipelines, allowed to be named. Devices are not measured, which would take half a second each time."""
    monkeypatch.setattr("reward_engine.mpo.estimate.measured_flops", lambda *args, **options: 1e11)
    cache.delete_many([WORKER, HERE])
    settings.PIPELINE_ROOTS = [tiny_pipelines]  # type: ignore[attr-defined]
    return tiny_pipelines


@pytest.fixture
def run_now() -> Callable[[Job], Job]:
    """Generate here, as a worker would."""
    from annotator.generations.services import run_generation

    def run(job: Job) -> Job:
        run_generation(str(job.pk))
        job.refresh_from_db()
        return job

    return run
