"""Every write of the rewards app."""

from annotator.rewards.services.answering import answer_scores
from annotator.rewards.services.automatic import score_new_items
from annotator.rewards.services.promotion import gate, promote, retire
from annotator.rewards.services.retraining import retrain_when_grown
from annotator.rewards.services.score_requests import (
    clear_score_requests,
    known_answers,
    remove_request,
    request_scores,
    tell_answered,
    wait_for,
)
from annotator.rewards.services.scoring import request_scoring, score, score_items
from annotator.rewards.services.snapshots import create_snapshot
from annotator.rewards.services.training import request_training, train

__all__ = [
    "answer_scores",
    "clear_score_requests",
    "create_snapshot",
    "gate",
    "known_answers",
    "promote",
    "remove_request",
    "request_scores",
    "request_scoring",
    "request_training",
    "retire",
    "retrain_when_grown",
    "score",
    "score_items",
    "score_new_items",
    "tell_answered",
    "train",
    "wait_for",
]
