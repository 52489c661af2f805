"""The export as a job: whole or not at all, once, and refused where there is nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from annotator.accounts.models import User
from annotator.campaigns.models import Assignment, Campaign
from annotator.core.disk import DiskFullError
from annotator.core.errors import ConflictError, ProblemError
from annotator.datasets import rows, services
from annotator.datasets.models import DatasetVersion
from annotator.datasets.services import exporting
from annotator.jobs.models import Job, JobState
from annotator.jobs.services import JobLost, claim
from tests.factories import make_annotations

pytestmark = pytest.mark.django_db

Export = Callable[..., DatasetVersion]


def folders() -> list[str]:
    return sorted(path.name for path in exporting._root().glob("*"))


def annotate_once_more(campaign: Campaign, by: User) -> None:
    item = campaign.campaign_items.first().item
    make_annotations(campaign, [(item, by, {"clarity": 1})])


def test_versions_are_numbered_and_kept(campaign: Campaign, exported: Export, make_user: Callable[..., User]) -> None:
    admin = make_user("root", "admin")
    first = exported(campaign, by=admin)
    before = {file["name"]: (first.folder / file["name"]).read_bytes() for file in first.files}
    annotate_once_more(campaign, make_user("cleo"))
    second = exported(campaign)
    assert (first.version, second.version) == (1, 2)
    assert (first.annotations, second.annotations) == (21, 22)
    assert first.created_by == admin
    assert {name: (first.folder / name).read_bytes() for name in before} == before
    assert folders() == [f"campaign-{campaign.pk}"]


def test_nothing_new_makes_no_new_version(campaign: Campaign, exported: Export) -> None:
    first = exported(campaign)
    again = exported(campaign)
    assert again == first
    assert "Nothing has changed since version 1" in Job.objects.latest("created_at").message
    assert folders() == [f"campaign-{campaign.pk}"]


def test_full_disk_leaves_nothing_and_is_named(
    campaign: Campaign, exported: Export, room: Callable[[int], Any]
) -> None:
    job = services.request_export(campaign=campaign, requested_by=None)
    with room(2_000):
        services.run_export(str(job.pk))
    job.refresh_from_db()
    assert (job.state, job.error) == (JobState.FAILED, DiskFullError().message)
    assert not DatasetVersion.objects.exists()
    left = [path for path in exporting._root().rglob("*") if path.is_file()] if exporting._root().exists() else []
    assert left == []
    assert exported(campaign).version == 1


def test_a_version_never_changes(campaign: Campaign, exported: Export) -> None:
    version = exported(campaign)
    version.annotations = 3
    with pytest.raises(ConflictError, match="never changes"):
        version.save()
    assert oct((version.folder / "annotations.jsonl").stat().st_mode)[-3:] == "444"


def test_without_annotations_there_is_nothing_to_export(campaign: Campaign) -> None:
    job = services.request_export(campaign=campaign)
    Assignment.objects.update(counted=False)
    with pytest.raises(ProblemError, match="No one has submitted an annotation in “Street scenes, May”"):
        services.request_export(campaign=campaign)
    services.run_export(str(job.pk))  # they were put aside after the export was asked for
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert "No one has submitted" in job.error
    assert folders() == []
    assert not DatasetVersion.objects.exists()


def test_asking_twice_is_asking_once(campaign: Campaign) -> None:
    assert services.request_export(campaign=campaign) == services.request_export(campaign=campaign)


def test_a_killed_export_leaves_no_half_and_is_done_once(
    campaign: Campaign, exported: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = services.request_export(campaign=campaign)
    with monkeypatch.context() as patched:
        patched.setattr(exporting, "_publish", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
        patched.setattr(exporting.shutil, "rmtree", lambda *args, **kwargs: None)  # a kill tidies nothing up
        with pytest.raises(KeyboardInterrupt):
            exporting.export_campaign(claim(str(job.pk)))
    assert folders() == [f".{job.pk}-1"]
    Job.objects.filter(pk=job.pk).update(state=JobState.QUEUED, run_token=None)
    services.run_export(str(job.pk))
    assert DatasetVersion.objects.get().version == 1
    assert folders() == [f"campaign-{campaign.pk}"]
    Job.objects.filter(pk=job.pk).update(state=JobState.QUEUED, run_token=None)
    services.run_export(str(job.pk))
    assert DatasetVersion.objects.count() == 1


def test_a_folder_that_no_row_names_makes_place(campaign: Campaign, exported: Export) -> None:
    """The kill came between the renaming and the row."""
    stale = exporting._root() / f"campaign-{campaign.pk}" / "v1"
    stale.mkdir(parents=True)
    (stale / "annotations.jsonl").write_text("old")
    version = exported(campaign)
    assert version.folder == stale
    assert (stale / "annotations.jsonl").stat().st_size > 1000


def test_a_runner_that_lost_the_job_publishes_nothing(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    job = services.request_export(campaign=campaign)
    run = claim(str(job.pk))
    write = exporting._write_tables

    def write_and_lose(*args: object) -> object:
        written = write(*args)
        Job.objects.filter(pk=job.pk).update(run_token=None, state=JobState.QUEUED)
        return written

    monkeypatch.setattr(exporting, "_write_tables", write_and_lose)
    with pytest.raises(JobLost):
        exporting.export_campaign(run)
    assert not DatasetVersion.objects.exists()
    assert folders() == []


def test_answers_given_while_it_runs_wait_for_the_next_version(
    campaign: Campaign, exported: Export, make_user: Callable[..., User], monkeypatch: pytest.MonkeyPatch
) -> None:
    cleo, chunks = make_user("cleo"), rows.Annotations.chunks

    def late(self: rows.Annotations) -> object:
        if not cleo.assignments.exists():
            annotate_once_more(campaign, cleo)
        return chunks(self)

    monkeypatch.setattr(rows.Annotations, "chunks", late)
    assert exported(campaign).annotations == 21
    assert exported(campaign).annotations == 22


def test_folders_of_running_exports_stay(campaign: Campaign, files: Path) -> None:
    job = services.request_export(campaign=campaign)
    half = exporting._root() / f".{job.pk}-1"
    half.mkdir(parents=True)
    assert services.remove_abandoned_exports() == 0
    Job.objects.filter(pk=job.pk).update(state=JobState.CANCELED)
    assert services.remove_abandoned_exports() == 1
    assert not half.exists()
