"""Pages of their own that kinds of jobs have: a training's, with its curves."""

from typing import Any

from django.urls import reverse

PLACES: dict[str, str] = {}
"""Kind of job to the name of an address that takes the job's id. Apps register here when they start."""


def own_place(kind: str, pk: Any) -> str:
    """The address of the page that jobs of this kind have, "" where they have none."""
    return reverse(PLACES[kind], args=[pk]) if kind in PLACES else ""
