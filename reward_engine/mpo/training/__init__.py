"""Training a generator on preference pairs: prepare a run's folder, then train it; see loop.py."""

from reward_engine.mpo.training.curves import Metrics, read_curves
from reward_engine.mpo.training.folder import RunFolder, TrainingPair, open_run, prepare
from reward_engine.mpo.training.loop import Outcome, train
from reward_engine.mpo.training.result import check_result
from reward_engine.mpo.training.settings import FAMILY_DEFAULTS, Settings

__all__ = [
    "FAMILY_DEFAULTS",
    "Metrics",
    "Outcome",
    "RunFolder",
    "Settings",
    "TrainingPair",
    "check_result",
    "open_run",
    "prepare",
    "read_curves",
    "train",
]
