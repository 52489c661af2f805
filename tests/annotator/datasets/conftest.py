"""Annotated campaigns over items that need no files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from annotator.accounts.models import User
from annotator.campaigns.models import Campaign
from annotator.datasets.models import DatasetVersion
from annotator.datasets.services import request_export, run_export
from annotator.jobs.models import Job, JobState
from annotator.library.models import Item
from tests.factories import make_annotated_campaign, make_bare_items, make_generator


@pytest.fixture
def studio_items(db: None) -> Callable[..., list[Item]]:
    """``studio_items(5, "video")``: items of one generator with license and source; prompts that files must quote."""

    def make(n: int, media_type: str = "image") -> list[Item]:
        generator = make_generator("painter", "1", {"steps": 30})
        facts = {"license": "CC0-1.0", "source": "studio", "file_name": "picture.png"}
        return make_bare_items(
            n, media_type, prompt="Prompt “{}”,\nwith a second line; 雨", generator=generator, **facts
        )

    return make


@pytest.fixture
def people(make_user: Callable[..., User]) -> list[User]:
    return [make_user("annabel"), make_user("benedict"), make_user("synthia", is_synthetic=True)]


@pytest.fixture
def campaign(files: Path, studio_items: Callable[..., list[Item]], people: list[User]) -> Campaign:
    """Seven images, each judged by three people."""
    return make_annotated_campaign(studio_items(7), people, name="Street scenes, May")


@pytest.fixture
def exported() -> Callable[..., DatasetVersion]:
    """Export a campaign here and now."""

    def export(campaign: Campaign, by: User | None = None, **options: str) -> DatasetVersion:
        job = request_export(campaign=campaign, requested_by=by, **options)
        run_export(str(job.pk))
        job = Job.objects.get(pk=job.pk)
        assert job.state == JobState.SUCCEEDED, job.error
        return DatasetVersion.objects.get(pk=job.result["dataset_version"])

    return export
