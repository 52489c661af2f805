"""Training a generator on preference pairs: prepare a run's folder, then train it; see loop.py.

What needs PyTorch is loaded when it is asked for: the settings and their defaults can be read without.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from reward_engine.mpo.training.settings import FAMILY_DEFAULTS, Settings

if TYPE_CHECKING:
    from reward_engine.mpo.training.curves import Metrics, read_curves
    from reward_engine.mpo.training.folder import RunFolder, TrainingPair, open_run, prepare
    from reward_engine.mpo.training.loop import Outcome, train
    from reward_engine.mpo.training.result import check_result

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

_PLACES = {
    "curves": ("Metrics", "read_curves"),
    "folder": ("RunFolder", "TrainingPair", "open_run", "prepare"),
    "loop": ("Outcome", "train"),
    "result": ("check_result",),
}


def __getattr__(name: str) -> Any:
    for module, names in _PLACES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
