"""Files lie under their hash, are written whole or not at all, and once."""

from pathlib import Path

import pytest
from PIL import Image

from annotator.library import services, storage
from annotator.library.models import Item
from reward_engine.storage import file_sha256
from tests.factories import make_item, write_image


@pytest.mark.parametrize("media_type", ["image", "video"])
def test_an_item_has_its_file_and_its_thumbnail(db: None, files: Path, media_type: str) -> None:
    item = make_item(media_type)
    original = storage.original_path(item)
    assert original.relative_to(files / "media").parts[:3] == ("originals", item.sha256[:2], item.sha256[2:4])
    assert file_sha256(original) == item.sha256
    assert original.stat().st_size == item.size_bytes
    with Image.open(storage.thumbnail_path(item)) as thumbnail:
        assert thumbnail.format == "WEBP"
        assert thumbnail.size == (item.width, item.height)
    assert Item.objects.get().media_type == media_type


def test_storing_twice_writes_once(files: Path) -> None:
    path = write_image(files / "a.png")
    facts = services.store_media(path, "a.png")
    written = storage.original_path(facts).stat().st_ino  # a written file takes the place of the old one
    assert services.store_media(path, "a.png") == facts
    assert storage.original_path(facts).stat().st_ino == written


def test_a_half_written_file_is_replaced(files: Path) -> None:
    path = write_image(files / "a.png")
    facts = services.store_media(path, "a.png")
    storage.original_path(facts).write_bytes(b"half")
    services.store_media(path, "a.png")
    assert file_sha256(storage.original_path(facts)) == facts.sha256


def test_a_failed_write_leaves_nothing_behind(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_image(files / "a.png")

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("annotator.library.storage.shutil.copyfileobj", full)
    with pytest.raises(OSError, match="No space"):
        services.store_media(path, "a.png")
    assert [p for p in (files / "media").rglob("*") if p.is_file()] == []
