"""Vision-language judges: any image-text-to-text model answers the whole checklist in one packed pass an item."""

from reward_engine.judges.vlm.inspection import BaseReport, inspect_base
from reward_engine.judges.vlm.judge import VLMJudge
from reward_engine.judges.vlm.options import VLMOptions

__all__ = ["BaseReport", "VLMJudge", "VLMOptions", "inspect_base"]
