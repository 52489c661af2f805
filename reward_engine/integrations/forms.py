"""A reward function in the form that a trainer calls. The trainers themselves are not needed here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from reward_engine.integrations.function import RewardFunction
from reward_engine.integrations.media import Kind


def for_grpo(
    function: RewardFunction, *, kind: Kind = "image", column: str | None = None, dimension: str | None = None
) -> Callable[..., list[float]]:
    """Make the form of TRL's ``reward_funcs``.

    That is ``f(prompts, completions, **columns) → list[float]``. The media are the ``completions``, or the dataset
    column named ``column``.

    Args:
        dimension: The reward of one dimension alone, so that a trainer can weigh and log dimensions by itself.
    """

    def reward(prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> list[float]:
        media = completions if column is None else columns[column]
        given: dict[str, Any] = {"prompts": [text_of(prompt) for prompt in prompts], f"{kind}s": media}
        return function(**given) if dimension is None else function.by_dimension(**given)[dimension]

    reward.__name__ = f"visionreward_{dimension}" if dimension else "visionreward"
    return reward


def for_ddpo(function: RewardFunction, *, kind: Kind = "image") -> Callable[..., tuple[Any, dict[str, Any]]]:
    """Make the form of DDPO trainers.

    That is ``f(images, prompts, metadata) → (rewards, information)``.
    """

    def reward(media: Any, prompts: Sequence[str], metadata: Any = None) -> tuple[Any, dict[str, Any]]:
        import numpy as np

        found = function.scored(prompts=list(prompts), **{f"{kind}s": list(media)})
        return np.array([one.reward for one in found], dtype=np.float32), {
            "by_dimension": [one.by_dimension for one in found]
        }

    return reward


def for_flow_grpo(
    function: RewardFunction, *, kind: Kind = "image"
) -> Callable[..., tuple[dict[str, list[float]], dict[str, Any]]]:
    """Make the form of Flow-GRPO.

    That is ``f(images, prompts, metadata) → ({"avg": …, name: …}, information)``.
    """

    def reward(
        media: Any, prompts: Sequence[str], metadata: Any = None, **_: Any
    ) -> tuple[dict[str, list[float]], dict[str, Any]]:
        found = function.scored(prompts=list(prompts), **{f"{kind}s": list(media)})
        names = next((list(one.by_dimension) for one in found if one.by_dimension), [])
        scores = {name: [one.by_dimension.get(name, one.reward) for one in found] for name in names}
        return {"avg": [one.reward for one in found], **scores}, {}

    return reward


def text_of(prompt: Any) -> str:
    """Take a prompt's text out of its form.

    That is the prompt as it is, or the text parts of the last message of a conversation.
    """
    if isinstance(prompt, str):
        return prompt
    content = prompt[-1]["content"]
    if isinstance(content, str):
        return content
    return " ".join(part["text"] for part in content if part.get("type") == "text")
