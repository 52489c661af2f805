"""The model in training: LoRA matrices in it, and one packed pass as its forward."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from reward_engine.errors import TrainingError
from reward_engine.judges.vlm.adapter import Adapter, check_fit
from reward_engine.judges.vlm.backbone import Backbone
from reward_engine.judges.vlm.families import possible_ways
from reward_engine.judges.vlm.inputs import Encoded
from reward_engine.judges.vlm.options import VLMOptions
from reward_engine.judges.vlm.passes import cached, loop, packed, single
from reward_engine.training.vlm.settings import TrainSettings

LANGUAGE = r".*(language_model|text_model).*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"


class PackedAnswers(nn.Module):
    """Items in, log-odds of yes out [b, k]. A module of its own, so that several GPUs can share the work."""

    def __init__(self, backbone: Backbone, settings: TrainSettings, start: Adapter | None = None) -> None:
        """Put new matrices beside the backbone's.

        Args:
            start: An adapter to go on from; the shape of the matrices is then its own.
        """
        super().__init__()
        peft: Any = importlib.import_module("peft")
        torch.manual_seed(settings.seed)
        shape: dict[str, Any] = {
            "r": settings.rank,
            "lora_alpha": settings.alpha,
            "target_modules": LANGUAGE if settings.targets == "language" else "all-linear",
        }
        if start is not None:
            shape = {key: value for key, value in start.config.items() if value is not None}
        config = peft.LoraConfig(**{**shape, "lora_dropout": settings.dropout, "inference_mode": False})
        try:
            self.adapted = peft.get_peft_model(backbone.model, config)
        except ValueError as error:
            raise TrainingError(
                f"The model has no layers that LoRA can change there ({error}).", code="targets"
            ) from error
        if start is not None:
            check_fit(start, peft.get_peft_model_state_dict(self.adapted))
            peft.set_peft_model_state_dict(self.adapted, dict(start.weights))
        if settings.gradient_checkpointing:
            self.adapted.get_base_model().activation_checkpointing_enable()
        self._backbone = replace(backbone, model=self.adapted.get_base_model())
        ways, _ = possible_ways(backbone.model.config, VLMOptions(attention=backbone.attention))
        self._packs = ways[0] == "packed"

    def forward(self, items: Sequence[Encoded]) -> Tensor:
        if not self._packs:  # a window or a recurrent state: asked one by one, which is slow and right
            return (loop if self.training else cached)(self._backbone, items)
        return single(self._backbone, items) if self.training else packed(self._backbone, items)

    @property
    def learned(self) -> list[tuple[str, nn.Parameter]]:
        """The weights that change, by name, always in the same order."""
        return [(name, weight) for name, weight in self.named_parameters() if weight.requires_grad]

    def adapter(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Give the adapter's configuration and weights as peft stores them."""
        peft: Any = importlib.import_module("peft")
        config = self.adapted.peft_config["default"].to_dict()
        plain = {key: sorted(value) if isinstance(value, set) else value for key, value in config.items()}
        plain["peft_type"], plain["task_type"] = "LORA", None
        plain["base_model_name_or_path"] = None  # the manifest knows it, with a digest
        weights = peft.get_peft_model_state_dict(self.adapted)
        return plain, {name: value.detach().cpu().clone() for name, value in weights.items()}
