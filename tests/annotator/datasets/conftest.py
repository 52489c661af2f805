"""Annotated campaigns over items that need no files."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from annotator.accounts.models import User
from annotator.campaigns.models import Campaign
from annotator.datasets.models import DatasetVersion
from annotator.datasets.services import request_export, run_export
from annotator.jobs.models import Job, JobState
from annotator.library.models import Generator, Item, Prompt
from tests.factories import make_annotated_campaign

COUNT = itertools.count()


@pytest.fixture
def bare_items(db: None) -> Callable[..., list[Item]]:
    def make(n: int, media_type: str = "image", **fields: object) -> list[Item]:
        generator, _ = Generator.objects.get_or_create(
            name="painter", version="1", parameters={"steps": 30}, parameters_sha256="1"
        )
        made = []
        for _ in range(n):
            number = next(COUNT)
            prompt = Prompt.objects.create(text=f"Prompt “{number}”,\nwith a second line; 雨")
            values = {"licence": "CC0-1.0", "source": "studio", "file_name": f"{number}.png"} | fields
            file = {"sha256": f"{number:064x}", "extension": "png", "mime_type": "image/png", "size_bytes": 1}
            made.append(
                Item.objects.create(
                    media_type=media_type, prompt=prompt, generator=generator, width=64, height=48, **file, **values
                )
            )
        return made

    return make


@pytest.fixture
def people(make_user: Callable[..., User]) -> list[User]:
    return [make_user("annabel"), make_user("benedict"), make_user("synthia", is_synthetic=True)]


@pytest.fixture
def campaign(files: Path, bare_items: Callable[..., list[Item]], people: list[User]) -> Campaign:
    """Seven images, each judged by three people."""
    return make_annotated_campaign(bare_items(7), people, name="Street scenes, May")


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
