"""Where media lies: by the SHA-256 of its bytes, so that one file is stored once and a path gives nothing away.

    MEDIA_ROOT/originals/ab/cd/<sha256>.<extension>    the bytes as they came
    MEDIA_ROOT/views/ab/cd/<sha256>.<png|mp4>          what people and judges see, where the original is not plain
    MEDIA_ROOT/views/ab/cd/<sha256>.times.json         when the frames are shown, where a clip's rate varies
    MEDIA_ROOT/thumbnails/ab/cd/<sha256>.webp          a small still, the poster of a video

Writing is atomic (a temporary file in the same folder, fsync, rename) and may be repeated: a process killed
half-way leaves no half file under a final name.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from django.conf import settings

from annotator.library.media_facts import MediaFacts
from reward_engine.storage import written

CHUNK_BYTES = 1024 * 1024
VIEW_TYPES = {"png": "image/png", "mp4": "video/mp4"}


class Named(Protocol):
    """What names a file of the store: an item, an example of a level, a pair's side, the facts of a verified file."""

    @property
    def sha256(self) -> str: ...

    @property
    def extension(self) -> str: ...


class Shown(Named, Protocol):
    """With the view that is shown instead, if there is one."""

    @property
    def view(self) -> str | None: ...


def original_path(item: Named) -> Path:
    """The file of an item, as it was imported."""
    return _folder("originals", item.sha256) / f"{item.sha256}.{item.extension}"


def view_path(item: Shown) -> Path:
    """The view of an item that has one: what is shown and judged instead of the original."""
    return _folder("views", item.sha256) / f"{item.sha256}.{item.view}"


def shown_path(item: Shown) -> Path:
    """The file that annotators see and judges judge: the view, or the original where that is plain."""
    return view_path(item) if item.view else original_path(item)


def shown_type(item: Shown, mime_type: str) -> str:
    """The media type of the file that is shown.

    Args:
        mime_type: The original's.
    """
    return VIEW_TYPES[item.view] if item.view else mime_type


def times_path(item: Named) -> Path:
    """Where the times of a clip's frames lie, if its frame rate varies."""
    return _folder("views", item.sha256) / f"{item.sha256}.times.json"


def frame_times(item: Named) -> list[float]:
    """Seconds at which each frame is shown; empty where the frame rate is constant."""
    try:
        found = json.loads(times_path(item).read_text())
    except (OSError, ValueError):
        return []
    return [milliseconds / 1000 for milliseconds in found]


def thumbnail_path(item: Named) -> Path:
    """The small WebP picture of an item (of a video: its poster)."""
    return _folder("thumbnails", item.sha256) / f"{item.sha256}.webp"


def _folder(kind: str, sha256: str) -> Path:
    return Path(settings.MEDIA_ROOT) / kind / sha256[:2] / sha256[2:4]


def store_original(path: Path, facts: MediaFacts) -> None:
    """Copy a verified file to its place. What is there already stays as it is."""
    original = original_path(facts)
    if not _is_complete(original, facts.size_bytes):
        with path.open("rb") as source, _written(original) as target:
            shutil.copyfileobj(source, target, CHUNK_BYTES)


def store_view(made: Path, item: Shown) -> None:
    """Copy a view that was made to its place."""
    with made.open("rb") as source, _written(view_path(item)) as target:
        shutil.copyfileobj(source, target, CHUNK_BYTES)


def store_times(item: Named, milliseconds: Sequence[float]) -> None:
    """Keep the times of a clip's frames; none: its rate is constant."""
    if milliseconds:
        with _written(times_path(item)) as target:
            target.write(json.dumps([round(at, 2) for at in milliseconds]).encode())


def store_thumbnail(item: Named, thumbnail: bytes) -> None:
    """Write the small picture. It comes last: where it is, all else is too."""
    with _written(thumbnail_path(item)) as target:
        target.write(thumbnail)


def has(facts: MediaFacts) -> bool:
    """True where the original, its view if it needs one, and its thumbnail are stored already."""
    return (
        _is_complete(original_path(facts), facts.size_bytes)
        and shown_path(facts).is_file()
        and thumbnail_path(facts).is_file()
    )


def touch(facts: MediaFacts) -> bool:
    """Say that a stored file is wanted again: only old files are taken for orphans. False where one has just gone."""
    try:
        for path in (original_path(facts), shown_path(facts), thumbnail_path(facts)):
            os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _is_complete(path: Path, size_bytes: int) -> bool:
    try:
        return path.stat().st_size == size_bytes
    except FileNotFoundError:
        return False


@contextmanager
def _written(path: Path) -> Iterator[IO[bytes]]:
    with written(path) as file:
        yield file
        os.fchmod(file.fileno(), settings.FILE_UPLOAD_PERMISSIONS or 0o644)  # a proxy of another user reads it
