"""Vision-language judges. The judge is imported when it is first used: it needs torch and transformers."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from reward_engine.judges.vlm.options import VLMOptions

if TYPE_CHECKING:
    from reward_engine.judges.vlm.judge import VLMJudge

__all__ = ["VLMJudge", "VLMOptions"]


def __getattr__(name: str) -> Any:
    if name == "VLMJudge":
        return importlib.import_module("reward_engine.judges.vlm.judge").VLMJudge
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
