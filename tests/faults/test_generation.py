"""A process dies by ``kill -9`` in the middle of generating: what was made stays, what lacks is made, nothing twice."""

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from annotator.generations import queries, services
from annotator.generations.services.generation_job import working_folder
from annotator.jobs.models import JobState
from annotator.jobs.services import recover_lost
from annotator.library.models import Item
from annotator.library.storage import original_path
from tests.annotator.generations.generating import ask, save_pipelines
from tests.conftest import ROOT, kill_group

pytestmark = pytest.mark.django_db(transaction=True)

WORK = "import django; django.setup(); from annotator.generations.services import run_generation; run_generation('{}')"


def test_a_killed_generation_goes_on_with_what_lacks(
    process_env: dict[str, str], tmp_path: Path, settings: object, wait_until: Callable[..., None]
) -> None:
    settings.PIPELINE_ROOTS = [tmp_path / "pipelines"]  # type: ignore[attr-defined]
    save_pipelines(tmp_path / "pipelines")
    found = ask(per_prompt=8, batch_size=1)
    env = process_env | {
        "PIPELINE_ROOTS": str(tmp_path / "pipelines"),
        "DJANGO_SETTINGS_MODULE": "annotator.settings",
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", WORK.format(found.job.pk)], env=env, cwd=ROOT, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    try:
        wait_until(lambda: found.made.count() >= 2 or process.poll() is not None, "nothing was generated", seconds=100)
    finally:
        kill_group(process)
    before = dict(found.made.values_list("pk", "item"))
    assert 2 <= len(before) < 24, (tmp_path / "log").read_text()[-3000:]

    recover_lost(now=timezone.now() + timedelta(hours=1))
    found.job.refresh_from_db()
    assert found.job.state == JobState.QUEUED
    services.run_generation(str(found.job.pk))
    found.job.refresh_from_db()
    assert found.job.state == JobState.SUCCEEDED, found.job.error
    assert found.job.attempts == 2
    after = dict(found.made.values_list("pk", "item"))
    assert before.items() <= after.items()
    assert len(after) == 24 == Item.objects.count()
    for made in found.made.select_related("item", "prompt"):
        assert made.seed == queries.seed_for(0, made.prompt.text, made.index)
        assert original_path(made.item).stat().st_size == made.item.size_bytes
    assert not working_folder(found).exists()
