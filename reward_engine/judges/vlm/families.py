"""What each family of vision-language models takes, and the quickest way to answer that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from reward_engine.errors import JudgeError
from reward_engine.judges.vlm.options import WAYS, VLMOptions, Way


@dataclass(frozen=True)
class Family:
    """``processor``: the library's class. ``video``: as a clip with times, or as several images.

    ``tested``: packed answers of this family are compared with the plain loop in our tests. Every model is compared
    on the first batch it judges all the same (see :mod:`reward_engine.judges.vlm.check`). ``refused``: why no model of
    the family can answer.
    """

    model_type: str
    processor: str | None
    video: Literal["clip", "images"]
    tested: bool
    note: str
    refused: str = ""


_BOTH_WAYS = (
    "PaliGemma looks at its prompt in both directions and has no chat format, so it is made to be fine-tuned for one "
    "task and not to be asked many questions. Choose a model that follows instructions, such as Qwen2.5-VL, InternVL, "
    "LLaVA or SmolVLM."
)
FAMILIES = {
    family.model_type: family
    for family in (
        Family("qwen2_vl", "Qwen2VLProcessor", "clip", True, "three-row positions from the model's own index"),
        Family("qwen2_5_vl", "Qwen2_5_VLProcessor", "clip", True, "three-row positions that know seconds"),
        Family("qwen3_vl", "Qwen3VLProcessor", "clip", True, "deep-stacked features enter with the prefix only"),
        Family("qwen3_5", "Qwen3VLProcessor", "clip", True, "recurrent layers: answered from the cache"),
        Family("llava", "LlavaProcessor", "images", True, "one fixed number of media tokens per image"),
        Family("llava_onevision", "LlavaOnevisionProcessor", "images", True, "an image whole and in tiles"),
        Family("idefics3", "Idefics3Processor", "images", True, "large images are split into tiles"),
        Family("smolvlm", "SmolVLMProcessor", "clip", True, "frames with their times in words"),
        Family("internvl", "InternVLProcessor", "images", True, "an image whole and in tiles"),
        Family("mistral3", "PixtralProcessor", "images", True, "rows of patches, each with a token at its end"),
        Family("glm4v", "Glm4vProcessor", "images", True, "three-row positions from the model's own index"),
        Family("paligemma", "PaliGemmaProcessor", "images", True, "the prompt is read both ways", _BOTH_WAYS),
    )
}

MASKED_ATTENTION = ("sdpa", "eager")


def family_of(model_type: str) -> Family:
    """Look up the family of a model type.

    An unknown one gets what every model of the library should take.
    """
    return FAMILIES.get(model_type) or Family(
        model_type, None, "images", False, "unknown here: compared with the plain loop on the first batch"
    )


def possible_ways(config: Any, options: VLMOptions) -> tuple[tuple[Way, ...], str]:
    """Find the ways of asking that a model may take.

    Returns them, quickest first, and why the quicker ones are not among them.

    Raises:
        JudgeError: If ``options.way`` names one that is impossible.
    """
    first, reason = 0, ""
    if options.attention not in MASKED_ATTENTION:
        first, reason = 1, f"“{options.attention}” attention takes no block mask; sdpa and eager do"
    kinds = special_layers(config)
    if kinds:
        # A sliding window or a recurrent state depends on the order in memory, which packing changes.
        first, reason = 1, f"its layers ({', '.join(sorted(kinds))}) see neighbors in memory, which packing changes"
    ways = WAYS[first:]
    if options.way == "auto":
        return ways, reason
    if options.way not in ways:
        raise JudgeError(f"This model cannot answer packed: {reason}. Choose auto or cached.", code="way")
    return (options.way,), "chosen by the caller"


def special_layers(config: Any) -> set[str]:
    """Find layers of the language model that do not look at everything.

    Returns the kinds of those that do not see all before them; empty where all do. Families that do not list their
    layers say it by a ``sliding_window`` alone (Mistral inside LLaVA and LLaVA-NeXT, for example), which some switch
    off by ``use_sliding_window``.
    """
    text = config.get_text_config()
    listed = getattr(text, "layer_types", None)
    if listed is not None:
        return set(listed) - {"full_attention"}
    found = set()
    if getattr(text, "sliding_window", None) is not None and getattr(text, "use_sliding_window", None) is not False:
        found.add("sliding_attention")
    if getattr(text, "attention_chunk_size", None) is not None:
        found.add("chunked_attention")
    return found
