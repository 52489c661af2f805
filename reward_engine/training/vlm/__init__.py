"""Fine-tuning of vision-language judges on judgments. The trainer is imported when it is first used: it needs torch."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from reward_engine.training.vlm.settings import TrainSettings

if TYPE_CHECKING:
    from reward_engine.training.vlm.loop import VLMTrainResult, train_vlm

__all__ = ["TrainSettings", "VLMTrainResult", "train_vlm"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("reward_engine.training.vlm.loop"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
