"""``manage.py import_media``, on made files and on the real ones beside the repository."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from annotator.library.models import ImportBatch, Item
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
        "--set", "generator=real", "--set", "license=CC0", "--name", "Mine", "--user", "ada",
    )  # fmt: skip
    out = capsys.readouterr().out
    assert "2 of 3 rows imported. 1 was rejected." in out
    assert "     3  missing_file  There is no file “c.png” in set" in out
    assert set(Item.objects.values_list("license", "generator__name")) == {("CC0", "real")}
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
        (["--map", "file"], "write it as FIELD="),
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
    with pytest.raises(CommandError, match=r"folder or ZIP .* does not exist"):
        call_command("import_media", str(files / "nowhere"))
