"""Every write of the generations app."""

from annotator.generations.services.external import add_external_item
from annotator.generations.services.generation_job import run_generation
from annotator.generations.services.generation_plan import GenerationSpec, plan_generation
from annotator.generations.services.generation_sets import (
    create_external_set,
    job_of,
    request_generation,
    request_set_scoring,
    resume_generation,
)
from annotator.generations.services.prompt_sets import create_prompt_set, delete_prompt_set, import_prompts

__all__ = [
    "GenerationSpec",
    "add_external_item",
    "create_external_set",
    "create_prompt_set",
    "delete_prompt_set",
    "import_prompts",
    "job_of",
    "plan_generation",
    "request_generation",
    "request_set_scoring",
    "resume_generation",
    "run_generation",
]
