"""What was uploaded for an import, kept until its job has ended.

<beside MEDIA_ROOT>/imports/<batch>/archive.zip | files/<name> …    and    manifest.csv | manifest.jsonl
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from annotator.core.errors import ProblemError
from annotator.jobs.models import FINISHED
from annotator.library.models import ImportBatch
from annotator.library.sources import check_path

logger = logging.getLogger(__name__)

ABANDONED_AFTER = timedelta(hours=1)


def imports_root() -> Path:
    """On the disk of the media, which web server and workers share; never inside what is served."""
    root = getattr(settings, "IMPORT_ROOT", None)
    return Path(root) if root else Path(settings.MEDIA_ROOT).parent / "imports"


def folder_of(batch_id: int) -> Path:
    return imports_root() / str(batch_id)


def keep_upload(batch: ImportBatch, upload: UploadedFile | Sequence[UploadedFile]) -> str:
    """Write an upload to disk: one ZIP, or the loose files of a folder. Returns its place in the batch's folder."""
    uploads = [upload] if isinstance(upload, UploadedFile) else list(upload)
    if not uploads:
        raise ProblemError("Nothing was uploaded; choose a ZIP, or the files of a folder.", code="no_upload")
    folder = folder_of(batch.pk)
    if len(uploads) == 1 and PurePosixPath(uploads[0].name or "").suffix.lower() == ".zip":
        _write(uploads[0], folder / "archive.zip")
        return "archive.zip"
    taken: set[str] = set()
    for one in uploads:
        name = PurePosixPath(check_path(one.name or "")).name
        if name in taken:
            raise ProblemError(
                f"Two of the files are called “{name}”; pack the folder into a ZIP, which keeps them apart.",
                code="duplicate_name",
            )
        taken.add(name)
        _write(one, folder / "files" / name)
    return "files"


def keep_manifest(batch: ImportBatch, manifest: UploadedFile) -> str:
    """Write a manifest that was uploaded beside the archive. Returns its place in the batch's folder."""
    suffix = PurePosixPath(manifest.name or "").suffix.lower()
    name = f"manifest{suffix if suffix.isascii() and suffix[1:].isalnum() else ''}"
    _write(manifest, folder_of(batch.pk) / name)
    return name


def _write(upload: UploadedFile, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for chunk in upload.chunks():
            file.write(chunk)


def remove_upload(batch_id: int) -> None:
    shutil.rmtree(folder_of(batch_id), ignore_errors=True)


def remove_finished_uploads() -> int:
    """Remove what belongs to imports that have ended or were cancelled while they waited; returns how many."""
    root = imports_root()
    if not root.is_dir():
        return 0
    removed = 0
    there = {int(path.name) for path in root.iterdir() if path.name.isdecimal()}
    batches = ImportBatch.objects.filter(pk__in=there)
    wanted = batches.filter(job__isnull=False).exclude(job__state__in=FINISHED).values_list("pk", flat=True)
    known = set(batches.values_list("pk", flat=True))
    for batch_id in there - set(wanted):
        # A batch that is just being made is not committed yet, so not found: leave young folders alone.
        changed = folder_of(batch_id).stat().st_mtime
        if batch_id in known or timezone.now().timestamp() - changed > ABANDONED_AFTER.total_seconds():
            remove_upload(batch_id)
            removed += 1
    return removed
