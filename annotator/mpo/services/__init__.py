"""Every write of the mpo app."""

from annotator.mpo.services.mining import remove_unfinished, request_pair_mining, run_pair_mining
from annotator.mpo.services.run_estimate import estimate_run
from annotator.mpo.services.run_plan import plan_run, split_pairs
from annotator.mpo.services.runs import create_run, resume_run
from annotator.mpo.services.training import run_training
from annotator.mpo.services.vetoes import set_veto

__all__ = [
    "create_run",
    "estimate_run",
    "plan_run",
    "remove_unfinished",
    "request_pair_mining",
    "resume_run",
    "run_pair_mining",
    "run_training",
    "set_veto",
    "split_pairs",
]
