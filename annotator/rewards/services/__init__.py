"""Every write of the rewards app."""

from annotator.rewards.services.gate import gate
from annotator.rewards.services.policies import change_policy, create_policy, delete_policy
from annotator.rewards.services.promotion import promote, retire, roll_back
from annotator.rewards.services.retraining import retrain_now, retrain_when_grown
from annotator.rewards.services.scoring import request_scoring, score, score_items
from annotator.rewards.services.snapshots import create_snapshot
from annotator.rewards.services.training import request_training, train
from annotator.rewards.services.version_comparison import compare, request_comparison

__all__ = [
    "change_policy",
    "compare",
    "create_policy",
    "create_snapshot",
    "delete_policy",
    "gate",
    "promote",
    "request_comparison",
    "request_scoring",
    "request_training",
    "retire",
    "retrain_now",
    "retrain_when_grown",
    "roll_back",
    "score",
    "score_items",
    "train",
]
