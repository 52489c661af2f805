from celery import shared_task

from annotator.datasets import services


@shared_task(name="datasets.export")
def export(job_id: str) -> None:
    services.run_export(job_id)
