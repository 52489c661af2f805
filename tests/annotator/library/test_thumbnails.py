"""What is not plain gets a view, which everybody is shown; the original stays as it came."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from django.db.models import Q
from django.test import Client
from PIL import Image

from annotator.accounts.models import Role, User
from annotator.library import access, storage
from annotator.library.models import Item
from annotator.library.services import make_missing_views, record_item, store_media
from annotator.rewards.services.scoring import as_input
from reward_engine.media import AllFrames, decode_image, sample_frames
from reward_engine.storage import file_sha256
from tests.factories import make_generator, make_item, make_prompt
from tests.pictures import IMAGES, VIDEOS

BACKEND = "django.contrib.auth.backends.ModelBackend"
REPRESENTATIVES = ["plain.png", "icc_palette.png", "turned.webp", "long_text.png", "bad_text_checksum.png"]


@pytest.fixture
def reviewer(make_user: Callable[..., User], client: Client) -> Client:
    client.force_login(make_user("rita", Role.REVIEWER), backend=BACKEND)
    return client


def item_of(path: Path) -> Item:
    facts = store_media(path, path.name)
    return record_item(facts=facts, prompt=make_prompt(), generator=make_generator())[0]


def body(response: object) -> bytes:
    return b"".join(response.streaming_content)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", REPRESENTATIVES)
def test_an_image_is_shown_and_judged_alike(db: None, files: Path, tmp_path: Path, name: str) -> None:
    make, plain = IMAGES[name]
    path = make(tmp_path / name)
    item = item_of(path)
    assert item.view == ("" if plain else "png")
    assert storage.original_path(item).read_bytes() == path.read_bytes()
    assert file_sha256(storage.original_path(item)) == item.sha256
    shown = storage.shown_path(item)
    assert as_input(item).path == shown
    np.testing.assert_array_equal(decode_image(shown), decode_image(path))
    assert (item.width, item.height) == decode_image(shown).shape[1::-1]
    with Image.open(storage.thumbnail_path(item)) as small:
        mean = np.asarray(small.convert("RGB")).mean(axis=(0, 1))
    np.testing.assert_allclose(mean, decode_image(shown).mean(axis=(0, 1)), atol=4)


@pytest.mark.parametrize("name", ["plain.mp4", "h264.mkv", "mpeg4.avi", "hevc.mp4", "prores.mov", "uneven_hevc.mp4"])
def test_a_video_is_shown_and_judged_alike(db: None, files: Path, tmp_path: Path, name: str) -> None:
    make, needs = VIDEOS[name]
    path = make(tmp_path / name)
    item = item_of(path)
    assert item.view == ("mp4" if needs else "")
    assert storage.original_path(item).read_bytes() == path.read_bytes()
    frames = sample_frames(as_input(item).path, AllFrames())
    assert (frames.total, item.frame_count) == (8, 8)
    told = storage.frame_times(item)
    assert told == (pytest.approx([at / 1000 for at in frames.times_ms]) if "uneven" in name else [])


def test_the_view_is_served_and_the_original_can_be_kept(
    db: None, files: Path, reviewer: Client, tmp_path: Path
) -> None:
    path = IMAGES["rgba.webp"][0](tmp_path / "rgba.webp")
    item = item_of(path)
    shown = reviewer.get(f"/library/{item.pk}/media/")
    assert (shown["Content-Type"], shown["ETag"]) == ("image/png", f'"{item.sha256}-view"')
    assert body(shown) == storage.view_path(item).read_bytes()
    kept = reviewer.get(f"/library/{item.pk}/original/")
    assert (kept["Content-Type"], kept["ETag"]) == ("image/webp", f'"{item.sha256}"')
    assert kept["Content-Disposition"].startswith("attachment")
    assert body(kept) == path.read_bytes()
    assert f"/library/{item.pk}/original/" in reviewer.get(f"/library/{item.pk}/").content.decode()


def test_an_annotator_never_gets_the_original(
    db: None, files: Path, make_user: Callable[..., User], client: Client
) -> None:
    item = make_item()

    def rule(user: User) -> Q:
        return Q(pk=item.pk)

    access.register(rule)
    try:
        client.force_login(make_user("ann", Role.ANNOTATOR), backend=BACKEND)
        assert client.get(f"/library/{item.pk}/media/").status_code == 200
        assert client.get(f"/library/{item.pk}/original/").status_code == 404
    finally:
        access.unregister(rule)


def test_rows_from_before_views_get_theirs(db: None, files: Path, tmp_path: Path) -> None:
    clear, plain, lost = item_of(IMAGES["rgba.png"][0](tmp_path / "a.png")), make_item(), make_item()
    storage.view_path(clear).unlink()
    storage.thumbnail_path(clear).write_bytes(b"old")
    storage.original_path(lost).unlink()
    Item.objects.update(view=None)
    assert storage.shown_path(Item.objects.get(pk=clear.pk)) == storage.original_path(clear)
    call_command("make_views")
    assert [Item.objects.get(pk=item.pk).view for item in (clear, plain, lost)] == ["png", "", None]
    assert storage.view_path(clear).is_file()
    assert storage.thumbnail_path(clear).read_bytes() != b"old"
    assert make_missing_views() == 0
