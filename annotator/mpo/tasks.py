from celery import shared_task

from annotator.mpo import services
from annotator.mpo.services import comparing


@shared_task(name="mpo.mine_pairs")
def mine_pairs(job_id: str) -> None:
    services.run_pair_mining(job_id)


@shared_task(name="mpo.train")
def train(job_id: str) -> None:
    services.run_training(job_id)


@shared_task(name="mpo.generate")
def generate(job_id: str) -> None:
    services.run_generation(job_id)


@shared_task(name="mpo.compare")
def compare(job_id: str) -> None:
    comparing.run_comparison(job_id)
