"""Pages of the rewards app."""

from annotator.rewards.views.bases import base_detail, base_list, check_base, delete_base
from annotator.rewards.views.compare import compare
from annotator.rewards.views.files import model_file
from annotator.rewards.views.models import (
    manifest,
    model_detail,
    model_list,
    promote,
    request_scoring,
    retire,
    roll_back,
)
from annotator.rewards.views.policies import policy_delete, policy_edit, policy_list, policy_new, policy_retrain
from annotator.rewards.views.published import load_published
from annotator.rewards.views.scores import score_detail, score_list
from annotator.rewards.views.training import train, train_estimate
from annotator.rewards.views.trainings import training_cancel, training_detail, training_resume

__all__ = [
    "base_detail",
    "base_list",
    "check_base",
    "compare",
    "delete_base",
    "load_published",
    "manifest",
    "model_detail",
    "model_file",
    "model_list",
    "policy_delete",
    "policy_edit",
    "policy_list",
    "policy_new",
    "policy_retrain",
    "promote",
    "request_scoring",
    "retire",
    "roll_back",
    "score_detail",
    "score_list",
    "train",
    "train_estimate",
    "training_cancel",
    "training_detail",
    "training_resume",
]
