"""Stored media that no row names are removed; what is named, young, or no medium stays."""

import os
import time
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command

from annotator.campaigns.models import LevelExample
from annotator.library.models import Item
from annotator.library.services.orphans import _names_media, remove_orphans
from annotator.library.services.records import store_media
from tests.factories import make_item, write_image

pytestmark = pytest.mark.django_db


@pytest.fixture
def stored(files: Path, tmp_path: Path) -> Callable[[int], set[Path]]:
    """Stores a picture two days ago and gives its files."""

    def store(seed: int) -> set[Path]:
        before = media()
        source = tmp_path / f"{seed}.png"
        write_image(source, seed=seed)
        store_media(source, source.name)
        return aged(media() - before)

    return store


def aged(paths: set[Path]) -> set[Path]:
    for path in paths:
        os.utime(path, (time.time() - 2 * 86400,) * 2)
    return paths


def media() -> set[Path]:
    return {path for path in Path(django_settings.MEDIA_ROOT).rglob("*") if path.is_file()}


def test_only_media_that_no_row_names_are_removed(stored: Any) -> None:
    orphans = stored(1)
    make_item(seed=2)
    kept = aged(media() - orphans)
    odd = Path(django_settings.MEDIA_ROOT) / "originals" / "ab" / "cd" / "notes.txt"
    odd.parent.mkdir(parents=True, exist_ok=True)
    odd.write_text("mine")
    os.utime(odd, (0, 0))
    found = remove_orphans(dry_run=True)
    assert (found.files, media()) == (len(orphans), orphans | kept | {odd})
    assert remove_orphans(dry_run=False).file_bytes == found.file_bytes > 0
    assert media() == kept | {odd}


def test_what_was_stored_again_lately_stays(stored: Any, tmp_path: Path) -> None:
    kept = stored(1)
    store_media(tmp_path / "1.png", "1.png")  # an import that has not recorded its row yet
    assert remove_orphans(dry_run=False).files == 0
    assert media() == kept
    assert remove_orphans(dry_run=False, older_than=timedelta(0)).files == len(kept)


def test_every_model_that_names_media_is_asked() -> None:
    assert _names_media(Item)
    assert _names_media(LevelExample)


def test_the_command_says_what_it_would_remove(stored: Any) -> None:
    orphans = stored(1)
    said = StringIO()
    call_command("remove_orphans", "--dry-run", stdout=said)
    assert f"Would remove {len(orphans)} files (" in said.getvalue()
    assert "originals/" in said.getvalue()
    call_command("remove_orphans", stdout=StringIO())
    assert not media()
