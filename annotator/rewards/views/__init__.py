"""Pages of the rewards app."""

from annotator.rewards.views.compare import compare
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
from annotator.rewards.views.scores import score_detail, score_list
from annotator.rewards.views.training import train

__all__ = [
    "compare",
    "manifest",
    "model_detail",
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
]
