"""What was uploaded for an import, kept until its job has ended.

<beside MEDIA_ROOT>/imports/<batch>/archive.zip | files/<name> …    and    manifest.csv | manifest.jsonl
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext

from annotator.core.errors import ProblemError
from annotator.core.folders import imports_folder
from annotator.jobs.abandoned_folders import remove_abandoned
from annotator.jobs.models import FINISHED
from annotator.library.models import ImportBatch
from annotator.library.sources import check_path

logger = logging.getLogger(__name__)


def folder_of(batch_id: int) -> Path:
    """Name the folder of an import's files."""
    return imports_folder() / str(batch_id)


def keep_upload(batch: ImportBatch, upload: UploadedFile | Sequence[UploadedFile]) -> str:
    """Write an upload to disk: one ZIP, or the loose files of a folder. Returns its place in the batch's folder."""
    uploads = [upload] if isinstance(upload, UploadedFile) else list(upload)
    if not uploads:
        raise ProblemError(gettext("Nothing was uploaded. Choose a ZIP, or the files of a folder."), code="no_upload")
    folder = folder_of(batch.pk)
    if len(uploads) == 1 and PurePosixPath(uploads[0].name or "").suffix.lower() == ".zip":
        _write(uploads[0], folder / "archive.zip")
        return "archive.zip"
    taken: set[str] = set()
    for one in uploads:
        name = PurePosixPath(check_path(one.name or "")).name
        if name in taken:
            raise ProblemError(
                gettext("Two of the files are called “%(name)s”. Pack the folder into a ZIP, which keeps them apart.")
                % {"name": name},
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
    """Remove what was uploaded for an import."""
    shutil.rmtree(folder_of(batch_id), ignore_errors=True)


def remove_finished_uploads() -> int:
    """Remove the uploads of imports that ended or were canceled while waiting.

    Returns how many were removed.
    """
    root = imports_folder()
    if not root.is_dir():
        return 0
    folders = [path for path in root.iterdir() if path.name.isdecimal()]
    batches = ImportBatch.objects.filter(pk__in=[int(path.name) for path in folders])
    wanted = batches.filter(job__isnull=False).exclude(job__state__in=FINISHED)
    return remove_abandoned(
        folders,
        known={str(pk) for pk in batches.values_list("pk", flat=True)},
        wanted={str(pk) for pk in wanted.values_list("pk", flat=True)},
    )
