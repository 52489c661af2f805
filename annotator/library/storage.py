"""Where media lies: by the SHA-256 of its bytes, so that one file is stored once and a path gives nothing away.

    MEDIA_ROOT/originals/ab/cd/<sha256>.<extension>    the bytes as they came
    MEDIA_ROOT/thumbnails/ab/cd/<sha256>.webp          a small still, the poster of a video

Writing is atomic (a temporary file in the same folder, fsync, rename) and may be repeated: a process killed
half-way leaves no half file under a final name.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from annotator.library.models import Item
    from annotator.library.verify import MediaFacts

CHUNK_BYTES = 1024 * 1024


def original_path(item: Item | MediaFacts) -> Path:
    """The file of an item, as it was imported."""
    return _folder("originals", item.sha256) / f"{item.sha256}.{item.extension}"


def thumbnail_path(item: Item | MediaFacts) -> Path:
    """The small WebP picture of an item (of a video: its poster)."""
    return _folder("thumbnails", item.sha256) / f"{item.sha256}.webp"


def _folder(kind: str, sha256: str) -> Path:
    return Path(settings.MEDIA_ROOT) / kind / sha256[:2] / sha256[2:4]


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def store(path: Path, facts: MediaFacts, thumbnail: bytes) -> None:
    """Copy a verified file and its thumbnail to their places. What is there already stays as it is."""
    original = original_path(facts)
    if not _is_complete(original, facts.size_bytes):
        with path.open("rb") as source, _written(original) as target:
            shutil.copyfileobj(source, target, CHUNK_BYTES)
    small = thumbnail_path(facts)
    if not small.is_file():
        with _written(small) as target:
            target.write(thumbnail)


def has(facts: MediaFacts) -> bool:
    """True where the original and its thumbnail are stored already."""
    return _is_complete(original_path(facts), facts.size_bytes) and thumbnail_path(facts).is_file()


def _is_complete(path: Path, size_bytes: int) -> bool:
    try:
        return path.stat().st_size == size_bytes
    except FileNotFoundError:
        return False


@contextmanager
def _written(path: Path) -> Iterator[IO[bytes]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, settings.FILE_UPLOAD_PERMISSIONS or 0o644)  # a proxy of another user reads it
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the rename itself survives a power cut
    finally:
        os.close(folder)
