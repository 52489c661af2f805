"""Every write of the mpo app."""

from annotator.mpo.services.asking import GenerationPlan, Wish, plan_generation
from annotator.mpo.services.estimates import RunEstimate, estimate_run
from annotator.mpo.services.external import add_external_item
from annotator.mpo.services.generating import run_generation
from annotator.mpo.services.generations import (
    create_external_set,
    job_of,
    request_generation,
    request_set_scoring,
    resume_generation,
)
from annotator.mpo.services.mining import remove_unfinished, request_pair_mining, run_pair_mining
from annotator.mpo.services.planning import RunPlan, plan_run, split_pairs
from annotator.mpo.services.prompt_sets import create_prompt_set, delete_prompt_set, import_prompts
from annotator.mpo.services.runs import create_run, resume_run
from annotator.mpo.services.training import run_training
from annotator.mpo.services.vetoes import set_veto

__all__ = [
    "GenerationPlan",
    "RunEstimate",
    "RunPlan",
    "Wish",
    "add_external_item",
    "create_external_set",
    "create_prompt_set",
    "create_run",
    "delete_prompt_set",
    "estimate_run",
    "import_prompts",
    "job_of",
    "plan_generation",
    "plan_run",
    "remove_unfinished",
    "request_generation",
    "request_pair_mining",
    "request_set_scoring",
    "resume_generation",
    "resume_run",
    "run_generation",
    "run_pair_mining",
    "run_training",
    "set_veto",
    "split_pairs",
]
