"""Every read of the generations app that is more than a lookup."""

from annotator.generations.queries.generation_sets import (
    Slot,
    gallery_rows,
    generation_sets,
    generations_of,
    is_whole,
    lacking,
    scoring_progress,
    seed_for,
)
from annotator.generations.queries.prompt_sets import members, prompt_sets, written

__all__ = [
    "Slot",
    "gallery_rows",
    "generation_sets",
    "generations_of",
    "is_whole",
    "lacking",
    "members",
    "prompt_sets",
    "scoring_progress",
    "seed_for",
    "written",
]
