from celery import shared_task

from annotator.generations import services


@shared_task(name="generations.generate")
def generate(job_id: str) -> None:
    services.run_generation(job_id)
