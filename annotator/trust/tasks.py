"""Celery tasks of the trust app."""

from celery import shared_task

from annotator.trust import services


@shared_task(name="trust.follow_up", queue="default")
def follow_up(assignment_id: int) -> None:
    services.follow_up(assignment_id=assignment_id)
