"""Celery tasks of the campaigns app."""

from celery import shared_task

from annotator.campaigns.services import release_expired_leases as release


@shared_task(name="campaigns.release_expired_leases", queue="default")
def release_expired_leases() -> int:
    return release()
