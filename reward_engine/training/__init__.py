"""Training of judges from judgments. Names are imported when they are first used: fitting takes a second to import."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reward_engine.training.probe import TrainResult, train_probe

__all__ = ["TrainResult", "train_probe"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("reward_engine.training.probe"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
