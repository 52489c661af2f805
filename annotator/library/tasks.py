from celery import shared_task

from annotator.library import services


@shared_task(name="library.import_media")
def import_media(job_id: str) -> None:
    services.run_import(job_id)


@shared_task(name="library.make_missing_views")
def make_missing_views() -> int:
    return services.make_missing_views(seconds=20)


@shared_task(name="library.remove_finished_uploads")
def remove_finished_uploads() -> int:
    return services.remove_finished_uploads()
