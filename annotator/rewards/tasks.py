"""Celery tasks of the rewards app."""

from celery import shared_task

from annotator.jobs.services import run_job
from annotator.rewards import services


@shared_task(name="rewards.train", queue="gpu")
def train(job_id: str) -> None:
    run_job(job_id, services.train)


@shared_task(name="rewards.score", queue="gpu")
def score(job_id: str) -> None:
    run_job(job_id, services.score)


@shared_task(name="rewards.check_base", queue="gpu")
def check_base(job_id: str) -> None:
    run_job(job_id, services.check_base)


@shared_task(name="rewards.answer_scores", queue="gpu")
def answer_scores(job_id: str) -> None:
    run_job(job_id, services.answer_scores)
    services.tell_answered(job_id)


@shared_task(name="rewards.clear_score_requests", queue="default")
def clear_score_requests() -> int:
    return services.clear_score_requests()


@shared_task(name="rewards.score_new_items", queue="default")
def score_new_items() -> int:
    return len(services.score_new_items())


@shared_task(name="rewards.retrain_when_grown", queue="default")
def retrain_when_grown() -> int:
    return len(services.retrain_when_grown())


@shared_task(name="rewards.compare_versions", queue="default")
def compare_versions(job_id: str) -> None:
    run_job(job_id, services.compare)
