"""Which class trains which diffusers pipeline, and loading one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from reward_engine.errors import TrainingError
from reward_engine.mpo.policies.base import Conditioning, Policy
from reward_engine.mpo.policies.cogvideox import CogVideoXPolicy
from reward_engine.mpo.policies.flow import FluxPolicy, StableDiffusion3Policy
from reward_engine.mpo.policies.stable_diffusion import StableDiffusionPolicy, StableDiffusionXLPolicy

FAMILIES: dict[str, type[Policy]] = {
    "StableDiffusionPipeline": StableDiffusionPolicy,
    "StableDiffusionXLPipeline": StableDiffusionXLPolicy,
    "StableDiffusion3Pipeline": StableDiffusion3Policy,
    "FluxPipeline": FluxPolicy,
    "CogVideoXPipeline": CogVideoXPolicy,
}

__all__ = ["FAMILIES", "Conditioning", "Policy", "family_of", "load_policy", "wrap"]


def wrap(pipeline: Any) -> Policy:
    """The policy around a pipeline that is already in memory.

    Raises:
        TrainingError: the pipeline is of no family that can be trained here.
    """
    return _family(type(pipeline).__name__)(pipeline)


def family_of(folder: Path) -> type[Policy]:
    """The family of a pipeline folder, read from its ``model_index.json`` without loading any weight.

    Raises:
        TrainingError: the folder is no pipeline, or of no family that can be trained here.
    """
    index = folder / "model_index.json"
    if not index.is_file():
        raise TrainingError(
            f"{folder} is no diffusers pipeline: it has no model_index.json. "
            "Give the folder that `pipeline.save_pretrained` wrote, or a hub id."
        )
    try:
        name = json.loads(index.read_text())["_class_name"]
    except (ValueError, KeyError) as error:
        raise TrainingError(f"{index} does not say which pipeline it is ({error}).") from error
    return _family(name)


def _family(name: str) -> type[Policy]:
    if name not in FAMILIES:
        raise TrainingError(f"{name} cannot be trained here. The families are {', '.join(FAMILIES)}.")
    return FAMILIES[name]


def load_policy(
    source: str | Path, *, dtype: torch.dtype = torch.float32, device: str = "cpu", lora: Path | None = None
) -> Policy:
    """Load a pipeline from a local folder or a hub id; a LoRA given is fused in, and so belongs to the reference."""
    from diffusers import DiffusionPipeline

    if Path(source).exists():
        family_of(Path(source))  # a clear message before gigabytes are read
    try:
        pipeline = DiffusionPipeline.from_pretrained(str(source), torch_dtype=dtype)
    except (OSError, ValueError) as error:
        raise TrainingError(f"The pipeline {source} could not be loaded: {error}") from error
    if lora is not None:
        pipeline.load_lora_weights(str(lora))
        pipeline.fuse_lora()
        pipeline.unload_lora_weights()
    return wrap(pipeline.to(device))
