from celery import shared_task

from annotator.mpo import services
from annotator.mpo.services import comparison_job


@shared_task(name="mpo.mine_pairs")
def mine_pairs(job_id: str) -> None:
    services.run_pair_mining(job_id)


@shared_task(name="mpo.train")
def train(job_id: str) -> None:
    services.run_training(job_id)


@shared_task(name="mpo.compare")
def compare(job_id: str) -> None:
    comparison_job.run_comparison(job_id)
