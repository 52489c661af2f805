from celery import shared_task

from annotator.jobs import services


@shared_task(name="jobs.recover_lost")
def recover_lost() -> None:
    services.recover_lost()
