"""Pages of their own that kinds of jobs have: a training's, with its curves."""

from typing import Any

from django.urls import reverse

JOB_PAGES: dict[str, str] = {}
"""Kind of job to the name of an address that takes the job's id. Apps register here when they start."""


def own_page(kind: str, pk: Any) -> str:
    """The address of the page that jobs of this kind have, "" where they have none."""
    return reverse(JOB_PAGES[kind], args=[pk]) if kind in JOB_PAGES else ""
