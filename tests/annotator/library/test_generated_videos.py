"""Real generated clips and real media beside the repository, through the doors that people use."""

import csv
import io
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from annotator.accounts.models import ApiToken, Role, User
from annotator.jobs.models import Job, JobState
from annotator.library import services, storage
from annotator.library.models import Generator, ImportBatch, Item, Prompt
from reward_engine.storage import file_sha256

pytestmark = pytest.mark.django_db


@pytest.fixture
def videos(shared: Path, files: Path) -> Path:
    folder = shared / "data" / "generated-videos"
    if not folder.is_dir():
        pytest.skip("needs shared/data/generated-videos beside the repository")
    return folder


@pytest.fixture
def media(shared: Path, files: Path) -> Path:
    folder = shared / "media"
    if not folder.is_dir():
        pytest.skip("needs shared/media beside the repository")
    return folder


def ratings(folder: Path) -> list[dict[str, str]]:
    with (folder / "ratings.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def packed(folder: Path, rows: list[dict[str, str]]) -> bytes:
    """A ZIP of some clips with their rows of ratings.csv."""
    table = io.StringIO()
    writer = csv.DictWriter(table, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("set/ratings.csv", table.getvalue())
        for row in rows:
            archive.write(folder / row["file"], f"set/{row['file']}")
    return target.getvalue()


def test_all_of_them_by_the_command(videos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ratings(videos)
    assert len(rows) == 64
    call_command(
        "import_media", str(videos), "--manifest", "ratings.csv",
        "--map", "file=file", "--map", "prompt=prompt", "--map", "generator=generator",
        "--set", "source=FETV", "--set", "license=research data, no license stated", "--name", "Generated videos",
    )  # fmt: skip
    # Four clips of one prompt are there twice, byte for byte, because they were rated in two categories.
    distinct = {((videos / row["file"]).read_bytes(), row["prompt"], row["generator"]) for row in rows}
    twice = len(rows) - len(distinct)
    assert f"{len(distinct)} of 64 rows imported. {twice} were already in the library." in capsys.readouterr().out
    batch = ImportBatch.objects.get()
    assert (batch.rows, batch.imported, batch.duplicates, batch.rejected) == (64, len(distinct), twice, 0)
    assert set(Generator.objects.values_list("name", flat=True)) == {row["generator"] for row in rows}
    assert set(Prompt.objects.values_list("text", flat=True)) == {row["prompt"].strip() for row in rows}
    first_of: dict[str, dict[str, str]] = {row["file"]: row for row in reversed(rows)}
    for item in Item.objects.select_related("prompt", "generator"):
        row = first_of[item.file_name]
        assert (item.prompt.text, item.generator.name) == (row["prompt"].strip(), row["generator"])
        # Every further column is kept; an empty cell says nothing.
        kept = {key: row[key] for key in ("category", "static_quality", "temporal_quality", "alignment") if row[key]}
        assert item.extra == kept
        assert (item.media_type, item.mime_type, item.license[:8]) == ("video", "video/mp4", "research")
        assert all((item.duration_ms, item.frame_rate, item.frame_count, item.width, item.height))
        assert file_sha256(storage.original_path(item)) == item.sha256
        assert storage.thumbnail_path(item).stat().st_size > 200


def run(batch: ImportBatch) -> Job:
    assert batch.job is not None
    services.run_import(str(batch.job.pk))
    return Job.objects.get(pk=batch.job.pk)


def test_a_zip_in_the_browser(videos: Path, client: Client, make_user: Callable[..., User]) -> None:
    rows = ratings(videos)[:6]
    rows.append({**rows[0], "file": "actions_99_cogvideo.mp4", "prompt": "a clip that is not in the archive"})
    archive = packed(videos, rows[:6])
    table = ["clip,what,who,category"]
    table += [f"{row['file']},{row['prompt']},{row['generator']},{row['category']}" for row in rows]
    client.force_login(make_user("root", Role.ADMIN), backend="django.contrib.auth.backends.ModelBackend")
    response = client.post(
        reverse("library:import"),
        {
            "upload": SimpleUploadedFile("clips.zip", archive, "application/zip"),
            "manifest": SimpleUploadedFile("clips.csv", "\n".join(table).encode(), "text/csv"),
            "column_file": "clip",
            "column_prompt": "what",
            "column_generator": "who",
            "license": "research data",
        },
    )
    batch = ImportBatch.objects.get()
    assert response["Location"] == reverse("library:batch", args=[batch.pk])
    assert run(batch).state == JobState.SUCCEEDED
    batch.refresh_from_db()
    assert (batch.rows, batch.imported, batch.rejected) == (7, 6, 1)
    problem = batch.problems.get()
    assert (problem.row, problem.file, problem.code) == (7, "actions_99_cogvideo.mp4", "missing_file")
    item = Item.objects.order_by("pk").first()
    assert item is not None
    assert (item.generator.name, item.extra) == (rows[0]["generator"], {"category": "actions"})
    assert item.license == "research data"
    page = client.get(reverse("library:batch", args=[batch.pk]))
    assert "actions_99_cogvideo.mp4" in page.content.decode()
    part = client.get(reverse("library:media", args=[item.pk]), headers={"Range": "bytes=0-99"})
    assert (part.status_code, part["Content-Type"]) == (206, "video/mp4")
    assert b"".join(part.streaming_content)[4:8] == b"ftyp"


def test_a_zip_by_the_api(videos: Path, client: Client, make_user: Callable[..., User]) -> None:
    rows = ratings(videos)[-4:]
    _row, token = ApiToken.issue(user=make_user("root", Role.ADMIN), name="script")
    headers = {"Authorization": f"Bearer {token}"}
    upload = SimpleUploadedFile("clips.zip", packed(videos, rows), "application/zip")
    response = client.post("/api/v1/imports/", {"upload": upload, "source": "FETV"}, headers=headers)
    assert response.status_code == 202
    assert run(ImportBatch.objects.get(pk=response.json()["id"])).state == JobState.SUCCEEDED
    told = client.get(f"/api/v1/imports/{response.json()['id']}/", headers=headers).json()
    assert (told["rows"], told["imported"], told["rejected"]) == (4, 4, 0)
    listed = client.get("/api/v1/items/", {"media_type": "video"}, headers=headers).json()
    assert {(item["generator"]["name"], item["extra"]["alignment"]) for item in listed["results"]} == {
        (row["generator"], row["alignment"]) for row in rows
    }
    again = client.post(
        "/api/v1/imports/",
        {"upload": SimpleUploadedFile("clips.zip", packed(videos, rows), "application/zip"), "source": "FETV"},
        headers=headers,
    )
    assert run(ImportBatch.objects.get(pk=again.json()["id"])).message == (
        "0 of 4 rows imported. 4 were already in the library."
    )


def test_the_shared_media(media: Path, files: Path) -> None:
    """Images as WebP and JPEG, videos of other sizes and lengths; a manifest that lies elsewhere."""
    names = sorted(path.name for path in media.iterdir())
    lines = [f"{name},{'a painting of an ocean' if name.startswith('imagereward') else name}" for name in names]
    manifest = files / "media.csv"
    manifest.write_text("\n".join(["file,prompt", *lines]) + "\n")
    call_command("import_media", str(media), "--manifest", str(manifest), "--set", "license=Apache-2.0")
    assert Counter(Item.objects.values_list("media_type", flat=True)) == {"image": 6, "video": 2}
    assert Prompt.objects.count() == 5
    assert set(Item.objects.values_list("mime_type", flat=True)) == {"image/webp", "image/jpeg", "video/mp4"}
