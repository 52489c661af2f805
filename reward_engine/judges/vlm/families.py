"""What each family of vision-language models takes, and the quickest way to answer that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from reward_engine.errors import JudgeError
from reward_engine.judges.vlm.options import WAYS, VLMOptions, Way


@dataclass(frozen=True)
class Family:
    """``processor``: the library's class. ``video``: as a clip with times, or as several images.

    ``tested``: packed answers of this family are compared with the plain loop in our tests. Other families
    are compared on the first item they judge (see :mod:`reward_engine.judges.vlm.judge`).
    """

    model_type: str
    processor: str | None
    video: Literal["clip", "images"]
    tested: bool
    note: str


FAMILIES = {
    family.model_type: family
    for family in (
        Family("qwen2_vl", "Qwen2VLProcessor", "clip", True, "three-row positions from the model's own index"),
        Family("qwen2_5_vl", "Qwen2_5_VLProcessor", "clip", True, "three-row positions that know seconds"),
        Family("qwen3_vl", "Qwen3VLProcessor", "clip", True, "deep-stacked features enter with the prefix only"),
        Family("llava", "LlavaProcessor", "images", True, "one fixed number of media tokens an image"),
        Family("idefics3", "Idefics3Processor", "images", True, "large images are split into tiles"),
        Family("smolvlm", "SmolVLMProcessor", "clip", True, "frames with their times in words"),
    )
}

MASKED_ATTENTION = ("sdpa", "eager")


def family_of(model_type: str) -> Family:
    """The entry of a model type; for an unknown one what every model of the library should take."""
    return FAMILIES.get(model_type) or Family(
        model_type, None, "images", False, "unknown here: compared with the plain loop on the first item"
    )


def possible_ways(config: Any, options: VLMOptions) -> tuple[tuple[Way, ...], str]:
    """(ways the model may take, quickest first, and why the quicker ones are not among them).

    Raises JudgeError where ``options.way`` names one that is impossible.
    """
    first, reason = 0, ""
    if options.attention not in MASKED_ATTENTION:
        first, reason = 1, f"“{options.attention}” attention takes no block mask; sdpa and eager do"
    kinds = set(getattr(config.get_text_config(), "layer_types", None) or ()) - {"full_attention"}
    if kinds:
        # A sliding window or a recurrent state depends on the order in memory, which packing changes.
        first, reason = 1, f"its layers ({', '.join(sorted(kinds))}) see neighbours in memory, which packing changes"
    ways = WAYS[first:]
    if options.way == "auto":
        return ways, reason
    if options.way not in ways:
        raise JudgeError(f"This model cannot answer packed: {reason}. Choose auto or cached.", code="way")
    return (options.way,), "chosen by the caller"
