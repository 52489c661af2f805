"""Celery tasks of the campaigns app."""

from celery import shared_task

from annotator.campaigns import services


@shared_task(name="campaigns.release_expired_leases", queue="default")
def release_expired_leases() -> int:
    return services.release_expired_leases() + services.release_expired_pairs()
