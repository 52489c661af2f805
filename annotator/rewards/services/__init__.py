"""Every write of the rewards app."""

from annotator.rewards.services.bases import check_base, delete_base, register_base, request_check
from annotator.rewards.services.promotion import gate, promote, retire
from annotator.rewards.services.published import LoadedFiles, NamedFile, load_published
from annotator.rewards.services.resuming import resume_training
from annotator.rewards.services.retraining import retrain_when_grown
from annotator.rewards.services.scoring import request_scoring, score, score_items
from annotator.rewards.services.snapshots import create_snapshot
from annotator.rewards.services.training import request_training, train

__all__ = [
    "LoadedFiles",
    "NamedFile",
    "check_base",
    "create_snapshot",
    "delete_base",
    "gate",
    "load_published",
    "promote",
    "register_base",
    "request_check",
    "request_scoring",
    "request_training",
    "resume_training",
    "retire",
    "retrain_when_grown",
    "score",
    "score_items",
    "train",
]
