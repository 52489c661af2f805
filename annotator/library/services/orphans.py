"""Stored media that no row names: of items that were deleted, and of imports that were cut off."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model

FOLDERS = ("originals", "views", "thumbnails")
OLD = timedelta(days=1)
"""A file is stored before its row is; storing one that is there already touches it."""

_NAME = re.compile(r"[0-9a-f]{64}(?=\.)")
_AT_ONCE = 1000


@dataclass
class Orphans:
    """How many files, their bytes, and the first of them below ``MEDIA_ROOT``."""

    files: int = 0
    file_bytes: int = 0
    first: tuple[str, ...] = ()


def remove_orphans(*, dry_run: bool, older_than: timedelta = OLD) -> Orphans:
    """Remove stored files that no row names and that were not touched lately.

    Args:
        dry_run: Remove nothing, only count.
    """
    found = Orphans()
    before = time.time() - older_than.total_seconds()
    root = Path(settings.MEDIA_ROOT)
    old = list(_old_files(root, before))
    for start in range(0, len(old), _AT_ONCE):
        paths = old[start : start + _AT_ONCE]
        named = _named({_digest(path) for path in paths})
        for path in paths:
            if _digest(path) in named:
                continue
            try:
                state = path.stat()
                if state.st_mtime >= before:  # stored again meanwhile
                    continue
                if not dry_run:
                    path.unlink()
            except FileNotFoundError:
                continue
            found.files, found.file_bytes = found.files + 1, found.file_bytes + state.st_size
            if len(found.first) < 5:
                found.first += (path.relative_to(root).as_posix(),)
    return found


def _old_files(root: Path, before: float) -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((root / folder).glob("??/??/*")):
            if _NAME.match(path.name) and path.stat().st_mtime < before:
                yield path


def _digest(path: Path) -> str:
    return path.name[:64]


def _named(digests: Iterable[str]) -> set[str]:
    """Find which digests a row names, of any kind.

    A model that names media has the fields ``sha256`` and ``extension``.
    """
    wanted = list(digests)
    found: set[str] = set()
    for model in apps.get_models():
        if _names_media(model):
            found.update(model._default_manager.filter(sha256__in=wanted).values_list("sha256", flat=True))
    return found


def _names_media(model: type[Model]) -> bool:
    try:
        return bool(model._meta.get_field("sha256") and model._meta.get_field("extension"))
    except FieldDoesNotExist:
        return False
