"""Vision-language judges: any image-text-to-text model answers the whole checklist in one packed pass an item.

What needs torch and transformers is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from reward_engine.judges.vlm.options import VLMOptions

if TYPE_CHECKING:
    from reward_engine.judges.vlm.inspection import BaseReport, inspect_base
    from reward_engine.judges.vlm.judge import VLMJudge

__all__ = ["BaseReport", "VLMJudge", "VLMOptions", "inspect_base"]

_MODULES = {"BaseReport": "inspection", "inspect_base": "inspection", "VLMJudge": "judge"}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"reward_engine.judges.vlm.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
