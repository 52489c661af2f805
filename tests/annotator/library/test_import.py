"""A whole import: good rows go in, bad ones are told, nothing twice, whatever happens on the way."""

import csv
import json
import zipfile
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotator.accounts.models import Role
from annotator.core import folders
from annotator.core.errors import ProblemError
from annotator.jobs.models import Job, JobState
from annotator.jobs.services import JobCanceled, JobLost, JobRun, claim, recover_lost, request_cancel, run_job
from annotator.library import services, storage, tasks
from annotator.library.models import Generator, ImportBatch, ImportProblem, Item, Prompt
from annotator.library.services import import_rows, uploads
from tests.factories import write_image, write_video

pytestmark = pytest.mark.django_db


def write_manifest(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, sorted({key for row in rows for key in row}))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def folder(files: Path) -> Path:
    """Seven rows: two images and a video; the first once more; a bad picture, a climbing path, no prompt."""
    folder = files / "set"
    write_image(folder / "in" / "a.png", seed=1)
    write_image(folder / "b.jpg", seed=2)
    write_video(folder / "c.mp4", seed=3)
    (folder / "bad.png").write_text("<svg/>")
    write_image(files / "secret.png", seed=4)
    write_manifest(
        folder / "manifest.csv",
        [
            {"file": "in/a.png", "prompt": "a kite", "generator": "sd", "license": "CC0", "score": "4"},
            {"file": "b.jpg", "prompt": "a kite", "generator": "sd", "generator_parameters": '{"b": 1, "a": 2}'},
            {"file": "bad.png", "prompt": "a kite"},
            {"file": "in/a.png", "prompt": " a kite ", "generator": "sd"},
            {"file": "../secret.png", "prompt": "a kite"},
            {"file": "c.mp4", "prompt": "a lamp", "generator": "sd", "generator_parameters": '{"a": 2, "b": 1}'},
            {"file": "b.jpg", "prompt": ""},
        ],
    )
    return folder


PROBLEMS = [
    (3, "bad.png", "file", "svg"),
    (5, "../secret.png", "file", "path_climbs"),
    (7, "b.jpg", "prompt", "missing_prompt"),
]


def problems() -> list[tuple[int, str, str, str]]:
    return list(ImportProblem.objects.order_by("row").values_list("row", "file", "field", "code"))


def counts(batch: ImportBatch) -> tuple[int, int, int, int]:
    batch.refresh_from_db()
    return batch.rows, batch.imported, batch.duplicates, batch.rejected


def zipped(folder: Path, path: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, prefix + file.relative_to(folder).as_posix())
    return path


def uploaded(path: Path) -> SimpleUploadedFile:
    return SimpleUploadedFile(path.name, path.read_bytes())


@pytest.fixture
def two_rows_a_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_rows, "ROWS_A_COMMIT", 2)


def test_good_rows_go_in_and_bad_ones_are_reported(folder: Path, make_user: Callable[..., object]) -> None:
    user = make_user("ada", Role.ADMIN)
    report = services.import_now(folder, user=user, name="First")
    assert report.message == "3 of 7 rows imported. 1 was already in the library. 3 were rejected."
    assert problems() == PROBLEMS == [(p.row, p.file, p.field, p.code) for p in report.problems]
    batch = ImportBatch.objects.get()
    assert counts(batch) == (7, 3, 1, 3)
    assert (batch.name, batch.imported_by, batch.finished_at is not None) == ("First", user, True)
    first, second, video = Item.objects.order_by("pk")
    assert (first.file_name, first.license, first.extra) == ("in/a.png", "CC0", {"score": "4"})
    assert (first.prompt, first.batch) == (second.prompt, batch)
    assert second.generator == video.generator  # the order of the parameters says nothing
    assert (video.media_type, video.frame_count, video.duration_ms) == ("video", 10, 1000)
    assert Prompt.objects.count() == 2
    assert Generator.objects.count() == 2
    for item in (first, second, video):
        assert storage.original_path(item).is_file()
        assert storage.thumbnail_path(item).is_file()
    assert not [path for path in (folder.parent / "media").rglob("*") if path.name.startswith(".")]


@pytest.mark.parametrize("prefix", ["", "outer/set/"])
def test_a_zip_is_the_same_as_its_folder(folder: Path, prefix: str) -> None:
    report = services.import_now(zipped(folder, folder.parent / "a.zip", prefix))
    assert (report.imported, report.duplicates, report.rejected) == (3, 1, 3)
    assert problems() == PROBLEMS


def test_importing_again_finds_everything_there(folder: Path) -> None:
    services.import_now(folder)
    report = services.import_now(folder)
    assert (report.imported, report.duplicates, report.rejected) == (0, 4, 3)
    assert Item.objects.count() == 3


def test_the_same_file_for_another_prompt_or_generator_is_another_item(files: Path) -> None:
    write_image(files / "set" / "a.png")
    rows = [("p", "g"), ("q", "g"), ("p", "h"), ("p", "g")]
    write_manifest(files / "set" / "m.csv", [{"file": "a.png", "prompt": p, "generator": g} for p, g in rows])
    report = services.import_now(files / "set")
    assert (report.imported, report.duplicates) == (3, 1)
    assert len([path for path in (files / "media" / "originals").rglob("*") if path.is_file()]) == 1


def test_jsonl_with_a_common_folder_and_columns_mapped(files: Path) -> None:
    write_image(files / "set" / "a.png")
    write_video(files / "set" / "sub" / "b.mp4")
    lines = [{"path": "data/run7/a.png", "text": "p"}, {"path": "data/run7/sub/b.mp4", "text": "p"}]
    (files / "set" / "rows.jsonl").write_text("\n".join(map(json.dumps, lines)))
    options = {"columns": {"file": "path", "prompt": "text"}, "defaults": {"generator": "real"}}
    report = services.import_now(files / "set", options)
    assert report.imported == 2
    assert Generator.objects.get().name == "real"


def test_a_manifest_that_lies_elsewhere(files: Path) -> None:
    write_image(files / "set" / "a.png")
    manifest = write_manifest(files / "m.csv", [{"file": "a.png", "prompt": "p"}])
    assert services.import_now(files / "set", manifest_path=manifest).imported == 1


def test_a_dry_run_says_the_same_and_changes_nothing(folder: Path) -> None:
    report = services.import_now(folder, dry_run=True)
    assert (report.rows, report.imported, report.duplicates, report.rejected) == (7, 3, 1, 3)
    assert [(p.row, p.file, p.field, p.code) for p in report.problems] == PROBLEMS
    assert not (folder.parent / "media").exists()
    assert not Item.objects.exists()
    assert not ImportBatch.objects.exists()
    assert not Prompt.objects.exists()
    services.import_now(folder)
    assert services.import_now(folder, dry_run=True).duplicates == 4


def test_a_manifest_that_cannot_be_used_leaves_nothing(folder: Path) -> None:
    (folder / "manifest.csv").write_text("path,prompt\na,b\n")
    with pytest.raises(ProblemError, match="no column “file”"):
        services.import_now(folder)
    assert not ImportBatch.objects.exists()


def test_a_full_disk_ends_the_import_and_not_every_row(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("annotator.library.storage.shutil.copyfileobj", full)
    with pytest.raises(ProblemError, match="disk is full"):
        services.import_now(folder)
    assert not ImportProblem.objects.exists()


# --- As a job ----------------------------------------------------------------------------------------


def start(folder: Path, **more: object) -> ImportBatch:
    batch = services.start_import(upload=uploaded(zipped(folder, folder.parent / "set.zip")), **more)  # type: ignore[arg-type]
    assert batch.job is not None
    return batch


def run(batch: ImportBatch) -> Job:
    tasks.import_media(str(batch.job_id))
    return Job.objects.get(pk=batch.job_id)


def test_an_upload_is_imported_by_its_job_and_then_removed(folder: Path, make_user: Callable[..., object]) -> None:
    user = make_user("ada", Role.ADMIN)
    batch = start(folder, requested_by=user)
    assert (batch.name, batch.imported_by, batch.job.requested_by) == ("set.zip", user, user)
    assert batch.job.params == {"batch": batch.pk}
    assert (uploads.folder_of(batch.pk) / "archive.zip").is_file()
    assert not folders.imports_folder().is_relative_to(folder.parent / "media")
    job = run(batch)
    assert job.state == JobState.SUCCEEDED
    assert job.message == "3 of 7 rows imported. 1 was already in the library. 3 were rejected."
    assert job.result["url"] == f"/library/imports/{batch.pk}/"
    assert (job.stage, job.done, job.total) == ("Importing", 7, 7)
    assert counts(batch) == (7, 3, 1, 3)
    assert not uploads.folder_of(batch.pk).exists()


def test_a_manifest_uploaded_beside_the_archive(folder: Path) -> None:
    manifest = folder.parent / "m.jsonl"
    manifest.write_text('{"file": "b.jpg", "prompt": "p"}')
    batch = start(folder, manifest=uploaded(manifest), options={"defaults": {"generator": "real"}})
    assert run(batch).state == JobState.SUCCEEDED
    assert counts(batch) == (1, 1, 0, 0)
    assert Item.objects.get().generator.name == "real"


def test_the_loose_files_of_a_folder(folder: Path) -> None:
    several = [uploaded(path) for path in (folder / "manifest.csv", folder / "in" / "a.png", folder / "b.jpg")]
    batch = services.start_import(upload=several, name="Loose")
    run(batch)
    # Browsers send names without folders, so in/a.png is not where the manifest says, and is told so.
    assert {code for *_, code in problems()} == {"missing_file", "path_climbs", "missing_prompt"}
    assert counts(batch)[1] == 1
    with pytest.raises(ProblemError, match="Two of the files"):
        services.start_import(upload=[uploaded(folder / "b.jpg"), uploaded(folder / "b.jpg")])
    assert ImportBatch.objects.count() == 1


def test_a_path_of_the_server(folder: Path) -> None:
    batch = services.start_import(source_path=folder)
    assert run(batch).state == JobState.SUCCEEDED
    assert counts(batch) == (7, 3, 1, 3)
    assert (folder / "manifest.csv").is_file()


def test_either_an_upload_or_a_path(folder: Path) -> None:
    with pytest.raises(ProblemError, match="either"):
        services.start_import()
    with pytest.raises(ProblemError, match="no field “color”"):
        services.start_import(source_path=folder, options={"defaults": {"color": "red"}})
    with pytest.raises(ProblemError, match="Nothing was uploaded"):
        services.start_import(upload=[])
    assert not ImportBatch.objects.exists()


def test_a_bad_archive_fails_the_job_in_words(folder: Path) -> None:
    batch = services.start_import(upload=SimpleUploadedFile("x.zip", b"no zip"))
    job = run(batch)
    assert job.state == JobState.FAILED
    assert job.error.startswith("x.zip is not a ZIP archive")
    assert not uploads.folder_of(batch.pk).exists()


def fail_at_commit(monkeypatch: pytest.MonkeyPatch, number: int, error: BaseException) -> None:
    """The worker dies inside its ``number``-th commit of rows, with the rows written but not committed."""
    real, calls = import_rows._record, []

    def record(batch: ImportBatch, group: list[import_rows.Prepared]) -> None:
        real(batch, group)
        calls.append(1)
        if len(calls) == number:
            raise error

    monkeypatch.setattr(import_rows, "_record", record)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.usefixtures("two_rows_a_commit")
def test_killed_and_taken_up_again_everything_happens_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, django_assert_max_num_queries: object
) -> None:
    batch = start(folder)
    with monkeypatch.context() as patch:
        fail_at_commit(patch, number, KeyboardInterrupt())  # passes run_job's handlers, as a kill does
        with pytest.raises(KeyboardInterrupt):
            run(batch)
    assert counts(batch)[0] == 2 * (number - 1)
    job = Job.objects.get()
    assert job.state == JobState.RUNNING
    assert uploads.folder_of(batch.pk).is_dir()
    Job.objects.update(heartbeat_at="2020-01-01T00:00Z")
    assert recover_lost() == 1
    job = run(batch)
    assert job.state == JobState.SUCCEEDED
    assert counts(batch) == (7, 3, 1, 3)
    assert job.result["imported"] == 3
    assert problems() == PROBLEMS
    assert Item.objects.count() == 3
    assert not uploads.folder_of(batch.pk).exists()


@pytest.mark.usefixtures("two_rows_a_commit")
def test_what_went_in_before_the_kill_is_not_verified_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = start(folder)
    with monkeypatch.context() as patch:
        fail_at_commit(patch, 3, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            run(batch)
    prepared: list[int] = []
    real = import_rows._prepare
    monkeypatch.setattr(import_rows, "_prepare", lambda row, *rest: prepared.append(row.number) or real(row, *rest))
    Job.objects.update(state=JobState.QUEUED)
    run(batch)
    assert sorted(prepared) == [5, 6, 7]


@pytest.mark.usefixtures("two_rows_a_commit")
def test_a_run_that_was_slow_and_lost_its_job_leaves_no_effect(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "remove_upload", lambda batch_id: None)  # the slow run still finds its files
    batch = start(folder)
    slow = claim(str(batch.job_id))
    assert slow is not None
    Job.objects.update(state=JobState.QUEUED, run_token=None)
    run(batch)
    with pytest.raises(JobLost):
        services.import_media(slow, batch.pk)
    assert counts(batch) == (7, 3, 1, 3)
    assert Item.objects.count() == 3


@pytest.mark.usefixtures("two_rows_a_commit")
def test_canceled_half_way(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = start(folder)
    real = JobRun.commit
    commits: list[int] = []

    @contextmanager
    def commit(self: JobRun):  # type: ignore[no-untyped-def]
        commits.append(1)
        if len(commits) == 3:  # the hash of the manifest, two rows, and now
            request_cancel(job=self.job)
        with real(self):
            yield

    monkeypatch.setattr(JobRun, "commit", commit)
    job = run(batch)
    assert job.state == JobState.CANCELED
    assert counts(batch) == (2, 2, 0, 0)
    assert Item.objects.count() == 2
    batch.refresh_from_db()
    assert batch.finished_at is None
    assert not uploads.folder_of(batch.pk).exists()


def test_an_upload_whose_job_was_canceled_while_it_waited_goes_with_the_next_import(folder: Path) -> None:
    batch = start(folder)
    request_cancel(job=batch.job)
    assert uploads.folder_of(batch.pk).is_dir()
    waiting = start(folder)
    assert not uploads.folder_of(batch.pk).exists()
    assert uploads.folder_of(waiting.pk).is_dir()


def test_a_manifest_that_changed_meanwhile_is_not_taken_for_the_old_one(folder: Path) -> None:
    batch = services.start_import(source_path=folder)
    run(batch)
    write_manifest(folder / "manifest.csv", [{"file": "b.jpg", "prompt": "new"}])
    Job.objects.update(state=JobState.QUEUED)
    job = run(batch)
    assert job.state == JobState.FAILED
    assert "has changed since" in job.error
    assert counts(batch) == (7, 3, 1, 3)


def test_the_work_is_the_same_by_hand(folder: Path) -> None:
    batch = services.start_import(source_path=folder)
    run_job(str(batch.job_id), lambda run: services.import_media(run, batch.pk))
    assert counts(batch) == (7, 3, 1, 3)
    with pytest.raises(JobCanceled):
        raise JobCanceled


CASES = Path(__file__).parents[4] / "shared" / "cases" / "archives"


@pytest.mark.parametrize(
    ("name", "rows"),
    [("A02-sep", 1), ("A03-utf16", 1), ("A14-backslash-zip", 2), ("A25-header", 1), ("N09-infozip-utf8", 1)],
)
def test_archives_from_the_field_come_in(files: Path, db: None, name: str, rows: int) -> None:
    path = CASES / f"{name}.zip"
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    report = services.import_now(path)
    assert (report.imported, report.rejected) == (rows, 0), report.problems
