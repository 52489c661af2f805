"""Imports are started, run as jobs, or run at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext, gettext_noop

from annotator.core.errors import ProblemError
from annotator.core.texts import in_all_languages
from annotator.jobs.models import Job
from annotator.jobs.services import JobRun, enqueue, run_job
from annotator.library.manifest import ImportOptions
from annotator.library.models import ImportBatch
from annotator.library.services import uploads
from annotator.library.services.import_rows import (
    ImportReport,
    Inline,
    Problem,
    Runner,
    import_rows,
    opened_import,
    rehearse,
)

IMPORT_TASK = "library.import_media"


def start_import(
    *,
    source_path: Path | str | None = None,
    upload: UploadedFile | Sequence[UploadedFile] | None = None,
    manifest: UploadedFile | None = None,
    name: str = "",
    options: ImportOptions | dict[str, Any] | None = None,
    requested_by: Any = None,
) -> ImportBatch:
    """Record an import and enqueue its job (``batch.job``).

    Either ``upload`` or ``source_path`` is given.

    Args:
        source_path: A folder or ZIP on this machine, which the caller has checked the person may read.
        upload: A ZIP or the loose files of a folder.
        manifest: Where it was uploaded beside them.
    """
    if (upload is None) == (source_path is None):
        raise ProblemError(gettext("Send either an upload or a path on the server."), code="no_source")
    options = _options(options)
    title = _title(source_path, upload)
    batch: ImportBatch | None = None
    try:
        with transaction.atomic():
            batch = ImportBatch.objects.create(name=_name(name, title), imported_by=requested_by)
            where: dict[str, str] = {"title": title}
            if upload is not None:
                where["upload"] = uploads.keep_upload(batch, upload)
            else:
                where["path"] = str(Path(str(source_path)).resolve())
            if manifest is not None:
                where["manifest_upload"] = uploads.keep_manifest(batch, manifest)
            batch.options = {**options.to_json(), "from": where}
            batch.job = enqueue(
                kind=IMPORT_TASK,
                title=in_all_languages(lambda: gettext("Import “%(name)s”") % {"name": batch.name}),
                params={"batch": batch.pk},
                requested_by=requested_by,
            )
            batch.save(update_fields=["options", "job"])
    except BaseException:
        if batch is not None:
            uploads.remove_upload(batch.pk)
        raise
    uploads.remove_finished_uploads()
    return batch


def import_media(run: Runner, batch_id: int) -> dict[str, Any]:
    """Run an import's job.

    A job that is run again after it was killed goes on where it stopped.
    """
    batch = ImportBatch.objects.get(pk=batch_id)
    where = batch.options.get("from", {})
    folder = uploads.folder_of(batch.pk)
    path = Path(where["path"]) if "path" in where else folder / where["upload"]
    manifest = folder / where["manifest_upload"] if "manifest_upload" in where else None
    run.stage(gettext_noop("Reading the manifest"))
    with opened_import(
        path, ImportOptions.from_json(batch.options), title=where.get("title", ""), manifest_path=manifest
    ) as opened:
        return import_rows(run, batch, opened)


def run_import(job_id: str) -> None:
    """Run the job, and remove the upload once the job has ended. A job that was lost keeps it for the next run."""

    def work(run: JobRun) -> dict[str, Any]:
        return import_media(run, int(run.params["batch"]))

    run_job(job_id, work)
    job = Job.objects.filter(pk=job_id).first()
    if job is not None and job.is_finished:
        uploads.remove_upload(int(job.params["batch"]))


def import_now(
    source: Path | str,
    options: ImportOptions | dict[str, Any] | None = None,
    user: Any = None,
    *,
    name: str = "",
    manifest_path: Path | str | None = None,
    dry_run: bool = False,
    report: Callable[[str, int, int | None], None] | None = None,
) -> ImportReport:
    """Import a folder or ZIP here and now, without a worker.

    ``report(stage, done, total)`` is told the progress.

    Args:
        manifest_path: A manifest that lies outside the source.
        dry_run: Verify everything, change nothing.

    Raises:
        ProblemError: If nothing can be imported at all.
    """
    path = Path(source)
    options = _options(options)
    run = Inline(report)
    run.stage(gettext_noop("Reading the manifest"))
    with opened_import(path, options, manifest_path=Path(manifest_path) if manifest_path else None) as opened:
        if dry_run:
            return rehearse(run, opened)
        batch = ImportBatch.objects.create(
            name=_name(name, path.resolve().name),
            imported_by=user,
            options={**options.to_json(), "from": {"path": str(path.resolve()), "title": path.resolve().name}},
        )
        import_rows(run, batch, opened)
    problems = [
        Problem(**values) for values in batch.problems.values("row", "file", "field", "code", "message").iterator()
    ]
    return ImportReport(batch.rows, batch.imported, batch.duplicates, batch.rejected, batch, problems)


def _options(options: ImportOptions | dict[str, Any] | None) -> ImportOptions:
    return options if isinstance(options, ImportOptions) else ImportOptions.from_json(options or {})


def _title(source_path: Path | str | None, upload: UploadedFile | Sequence[UploadedFile] | None) -> str:
    if isinstance(upload, UploadedFile):
        return (upload.name or "upload")[:200]
    return f"{len(upload)} files" if upload is not None else Path(str(source_path)).resolve().name


def _name(name: str, title: str) -> str:
    return (name.strip() or title or "Import")[:200]
