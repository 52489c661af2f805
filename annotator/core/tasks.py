"""Celery tasks of the core."""

import logging

from celery import shared_task
from django.conf import settings

from annotator.core import backup, figures

logger = logging.getLogger(__name__)


@shared_task(name=figures.TASK, queue="default")
def make_figures(name: str, of: int | str) -> bool:
    return figures.make(name, of)


@shared_task(name="core.back_up", queue="default", ignore_result=True)
def back_up() -> None:
    """Back up into ``BACKUP_FOLDER``, and remove the oldest backups beyond ``BACKUPS_KEPT``."""
    if settings.BACKUP_FOLDER is None:
        return
    made = backup.make_backup(settings.BACKUP_FOLDER)
    gone = backup.prune(settings.BACKUP_FOLDER, settings.BACKUPS_KEPT)
    logger.info(
        "backed up", extra={"backup": made.name, "rows": made.rows, "files": made.files, "removed": len(gone.backups)}
    )
