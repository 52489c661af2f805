"""Every write of the rewards app."""

from annotator.rewards.services.automatic_scoring import score_new_items
from annotator.rewards.services.bases import check_base, delete_base, register_base, request_check
from annotator.rewards.services.gate import gate
from annotator.rewards.services.policies import change_policy, create_policy, delete_policy
from annotator.rewards.services.promotion import promote, retire, roll_back
from annotator.rewards.services.published import LoadedFiles, NamedFile, load_published
from annotator.rewards.services.retraining import retrain_now, retrain_when_grown
from annotator.rewards.services.score_request_job import answer_scores
from annotator.rewards.services.score_requests import (
    clear_score_requests,
    known_answers,
    remove_request,
    request_scores,
    tell_answered,
    wait_for,
)
from annotator.rewards.services.scoring import request_scoring, score, score_items
from annotator.rewards.services.training_estimate import estimate_training
from annotator.rewards.services.training_job import train
from annotator.rewards.services.training_request import request_training
from annotator.rewards.services.training_resume import resume_training
from annotator.rewards.services.version_comparison import compare, request_comparison

__all__ = [
    "LoadedFiles",
    "NamedFile",
    "answer_scores",
    "change_policy",
    "check_base",
    "clear_score_requests",
    "compare",
    "create_policy",
    "delete_base",
    "delete_policy",
    "estimate_training",
    "gate",
    "known_answers",
    "load_published",
    "promote",
    "register_base",
    "remove_request",
    "request_check",
    "request_comparison",
    "request_scores",
    "request_scoring",
    "request_training",
    "resume_training",
    "retire",
    "retrain_now",
    "retrain_when_grown",
    "roll_back",
    "score",
    "score_items",
    "score_new_items",
    "tell_answered",
    "train",
    "wait_for",
]
