"""Celery tasks of the core."""

from celery import shared_task

from annotator.core import figures


@shared_task(name=figures.TASK, queue="default")
def make_figures(name: str, pk: int) -> bool:
    return figures.make(name, pk)
