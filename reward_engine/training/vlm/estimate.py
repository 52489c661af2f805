"""What a LoRA training and a judgment will take, from a model's shape alone. Loads nothing.

Memory: the weights, the adapter with its gradients and Adam's two moments in float32, and the activations that the
backward pass keeps (about ``KEPT`` numbers a token, layer and hidden unit; with gradient checkpointing one, and the
rest for one layer at a time). Time: operations ÷ (the device's matrix speed × ``UTILIZATION``); real kernels reach 30
to 60 % of it, so the estimate tells minutes from hours. Frozen weights need no gradients of their own: a backward pass
costs about what a forward pass costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UTILIZATION = 0.4
OVERHEAD = 1.15
CONTEXT_BYTES = 600 << 20  # a CUDA context and its libraries, or Python's
KEPT = 24
TOKENS_PER_QUESTION = 22
INTRODUCTION_TOKENS = 60
MEDIA_TOKENS = 1024  # where a check has not counted them
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2, "8bit": 1, "4bit": 0.5}


@dataclass(frozen=True)
class Shape:
    """Of a vision-language model: ``parameters`` in all; the rest of its language model."""

    parameters: int
    hidden: int
    layers: int
    intermediate: int

    @classmethod
    def of(cls, config: Mapping[str, Any], parameters: int) -> Shape:
        """Read the shape from a ``config.json``.

        Raises:
            KeyError: If it names no sizes.
        """
        text = next((config[key] for key in ("text_config", "llm_config") if config.get(key)), config)
        hidden = int(text["hidden_size"])
        return cls(parameters, hidden, int(text["num_hidden_layers"]), int(text.get("intermediate_size") or 4 * hidden))

    def adapter_parameters(self, rank: int) -> int:
        """Count the numbers in the LoRA matrices.

        They are on the seven projections of each layer; keys and values are taken as wide as queries (the most).
        """
        attention = 4 * 2 * self.hidden
        feed_forward = 3 * (self.hidden + self.intermediate)
        return self.layers * rank * (attention + feed_forward)


@dataclass(frozen=True)
class Plan:
    """``train_items`` and ``held_out_items``; ``questions`` per item; ``steps``; items per step, over all devices."""

    train_items: int
    held_out_items: int
    questions: int
    steps: int
    items_per_step: int
    batch_size: int
    evaluations: int
    rank: int
    checkpointing: bool
    weights: str = "bfloat16"
    media_tokens: int = MEDIA_TOKENS


@dataclass(frozen=True)
class Needs:
    """What a training needs.

    ``memory_bytes`` at the peak on each device; ``flops`` of the training; ``disk_bytes`` of checkpoints and result.

    ``judging_flops``, ``judging_bytes``: of one item, and of the loaded judge.
    """

    memory_bytes: int
    flops: float
    disk_bytes: int
    judging_flops: float
    judging_bytes: int


def steps_of(settings: Mapping[str, Any], train_items: int, devices: int = 1) -> tuple[int, int]:
    """Count steps, and items per step.

    Counts as :mod:`reward_engine.training.vlm.loop` does.
    """
    per_step = min(int(settings["batch_size"]) * int(settings["accumulate"]) * devices, max(1, train_items))
    steps = max(1, round(float(settings["epochs"]) * max(1, train_items // per_step)))
    most = settings.get("max_steps")
    return (min(steps, int(most)) if most else steps), per_step


def needs(shape: Shape, plan: Plan) -> Needs:
    """Estimate memory, operations and disk of a training as planned."""
    tokens = plan.media_tokens + INTRODUCTION_TOKENS + plan.questions * TOKENS_PER_QUESTION
    forward = 2.0 * shape.parameters * tokens + 4.0 * shape.layers * shape.hidden * tokens**2
    passes = 3 if plan.checkpointing else 2
    trained = float(plan.steps * plan.items_per_step)
    looked_at = plan.evaluations * min(plan.held_out_items, 64) + plan.held_out_items
    adapter = shape.adapter_parameters(plan.rank)
    weights = int(shape.parameters * BYTES[plan.weights])
    number = 4 if plan.weights == "float32" else 2
    kept = tokens * plan.batch_size * shape.hidden * number
    activations = kept * (shape.layers + KEPT) if plan.checkpointing else kept * shape.layers * KEPT
    mask = plan.batch_size * tokens**2 * number
    judged = kept // max(1, plan.batch_size) * KEPT + tokens**2 * number
    return Needs(
        memory_bytes=int((weights + adapter * 16 + activations + mask) * OVERHEAD) + CONTEXT_BYTES,
        flops=forward * (passes * trained + looked_at),
        disk_bytes=adapter * 4 * (2 * 4 + 1),  # two checkpoints, each with the best weights; the adapter
        judging_flops=forward,
        judging_bytes=int((weights + judged) * OVERHEAD) + CONTEXT_BYTES,
    )


def seconds(flops: float, device_flops: float, devices: int = 1) -> float:
    """Estimate how long so many operations take.

    The devices have this matrix speed (operations a second).
    """
    return flops / (device_flops * UTILIZATION * devices)
