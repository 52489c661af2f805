"""The product: people, work, jobs and pages around the reward engine."""

from annotator.celery import app as celery_app

__all__ = ["celery_app"]
