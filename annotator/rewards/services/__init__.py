"""Every write of the rewards app."""

from annotator.rewards.services.promotion import gate, promote, retire
from annotator.rewards.services.retraining import retrain_when_grown
from annotator.rewards.services.scoring import request_scoring, score, score_items
from annotator.rewards.services.snapshots import create_snapshot
from annotator.rewards.services.training import request_training, train

__all__ = [
    "create_snapshot",
    "gate",
    "promote",
    "request_scoring",
    "request_training",
    "retire",
    "retrain_when_grown",
    "score",
    "score_items",
    "train",
]
