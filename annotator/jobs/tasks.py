from celery import shared_task

from annotator.jobs import chunks, services, workers


@shared_task(name="jobs.recover_lost")
def recover_lost() -> None:
    workers.note_sweep()
    services.recover_lost()
    chunks.reclaim()
    chunks.clear_finished()


@shared_task(name=chunks.HELP_TASK)
def help_with(job_id: str) -> None:
    chunks.help_with(job_id)
