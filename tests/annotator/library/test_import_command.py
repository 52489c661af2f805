"""``manage.py import_media``, on made files and on the real ones beside the repository."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from annotator.library.models import Generator, ImportBatch, Item, Prompt
from tests.factories import write_image, write_video

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(files: Path) -> Path:
    write_image(files / "set" / "a.png")
    write_video(files / "set" / "b.mp4")
    (files / "set" / "list.csv").write_text("video_path,caption\na.png,a kite\nb.mp4,a lamp\nc.png,a cup\n")
    return files / "set"


def test_columns_defaults_and_a_table_of_problems(
    folder: Path, capsys: pytest.CaptureFixture[str], make_user: object
) -> None:
    make_user("ada")  # type: ignore[operator]
    call_command(
        "import_media", str(folder), "--manifest", "list.csv", "--map", "file=video_path", "--map", "prompt=caption",
        "--set", "generator=real", "--set", "licence=CC0", "--name", "Mine", "--user", "ada",
    )  # fmt: skip
    out = capsys.readouterr().out
    assert "2 of 3 rows imported, 1 refused." in out
    assert "     3  missing_file  There is no file “c.png” in set" in out
    assert set(Item.objects.values_list("licence", "generator__name")) == {("CC0", "real")}
    batch = ImportBatch.objects.get()
    assert (batch.name, str(batch.imported_by)) == ("Mine", "ada")


def test_dry_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("import_media", str(folder), "--map", "file=video_path", "--map", "prompt=caption", "--dry-run")
    assert "Dry run, nothing was changed: 2 of 3 rows imported" in capsys.readouterr().out
    assert not Item.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no column “file”"),
        (["--map", "file"], "give it as FIELD="),
        (["--map", "file=a", "--map", "file=b"], "twice"),
        (["--map", "fiel=video_path"], "no field “fiel”"),
        (["--manifest", "nowhere.csv"], "no manifest “nowhere.csv”"),
        (["--user", "nobody"], "no user “nobody”"),
        (["--map", "file=caption", "--set", "prompt=p"], "Nothing was imported"),
    ],
)
def test_what_cannot_be_done_exits_with_words(folder: Path, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words) as caught:
        call_command("import_media", str(folder), *arguments)
    assert caught.value.returncode == 1


def test_a_folder_that_is_not_there(files: Path) -> None:
    with pytest.raises(CommandError, match="no folder or ZIP"):
        call_command("import_media", str(files / "nowhere"))


def test_the_generated_videos(files: Path, shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = shared / "data" / "generated-videos"
    if not source.is_dir():
        pytest.skip("needs shared/data/generated-videos beside the repository")
    call_command("import_media", str(source), "--manifest", "ratings.csv", "--set", "licence=research only")
    # Four clips of one prompt are there twice, byte for byte, because they were rated in two categories.
    assert "60 of 64 rows imported, 4 were there already." in capsys.readouterr().out
    assert Item.objects.filter(media_type="video", duration_ms__gt=500).count() == 60
    assert set(Generator.objects.values_list("name", flat=True)) == {
        "cogvideo", "modelscope", "real", "text2video-zero", "zeroscope",
    }  # fmt: skip
    assert Prompt.objects.count() == 12
    item = Item.objects.get(file_name="actions_2_cogvideo.mp4")
    assert (item.prompt.text, item.extra["static_quality"]) == ("people are dancing", "3.0")


def test_the_shared_media(files: Path, shared: Path) -> None:
    source = shared / "media"
    if not source.is_dir():
        pytest.skip("needs shared/media beside the repository")
    manifest = files / "media.csv"
    names = sorted(path.name for path in source.iterdir())
    manifest.write_text("file\n" + "\n".join(names) + "\n")
    call_command(
        "import_media", str(source), "--manifest", str(manifest),
        "--set", "prompt=a painting of an ocean", "--set", "licence=Apache-2.0",
    )  # fmt: skip
    assert Item.objects.count() == len(names)
