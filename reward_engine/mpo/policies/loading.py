"""Which class trains which diffusers pipeline, and loading one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError

from reward_engine.errors import TrainingError
from reward_engine.mpo.policies import folder as folders
from reward_engine.mpo.policies.base import Policy
from reward_engine.mpo.policies.cogvideox import CogVideoXPolicy
from reward_engine.mpo.policies.families import family, family_of
from reward_engine.mpo.policies.flow import FluxPolicy, StableDiffusion3Policy
from reward_engine.mpo.policies.folder import check_lora
from reward_engine.mpo.policies.parts import check_loaded, encoders
from reward_engine.mpo.policies.stable_diffusion import StableDiffusionPolicy, StableDiffusionXLPolicy

POLICIES: dict[str, type[Policy]] = {
    "StableDiffusionPipeline": StableDiffusionPolicy,
    "StableDiffusionXLPipeline": StableDiffusionXLPolicy,
    "StableDiffusion3Pipeline": StableDiffusion3Policy,
    "FluxPipeline": FluxPolicy,
    "CogVideoXPipeline": CogVideoXPolicy,
}


def wrap(pipeline: Any) -> Policy:
    """Wrap a policy around a pipeline that is already in memory.

    Raises:
        TrainingError: The pipeline is of no family that can be trained here.
    """
    name = type(pipeline).__name__
    family(name)
    return POLICIES[name](pipeline)


def load_policy(
    source: str | Path,
    *,
    dtype: torch.dtype = torch.float32,
    device: str | torch.device = "cpu",
    lora: Path | None = None,
) -> Policy:
    """Load a pipeline from a local folder or a hub id.

    A LoRA given is fused in, and so belongs to the reference.

    Raises:
        TrainingError: The pipeline or the LoRA cannot be loaded, or is of no family that can be trained here.
    """
    from diffusers import DiffusionPipeline

    folder = folders.resolve(source)
    family_of(folder)  # a clear message before gigabytes are read
    load = cast(Any, DiffusionPipeline).from_pretrained
    try:
        whole = encoders(folder, dtype)
        pipeline = load(str(folder), dtype=dtype, use_safetensors=True, local_files_only=True, **whole)
        check_loaded(pipeline)
        if lora is not None:
            file = check_lora(lora)
            pipeline.load_lora_weights(str(file.parent), weight_name=file.name)
            pipeline.fuse_lora()
            pipeline.unload_lora_weights()
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise TrainingError(f"The pipeline {source} could not be loaded: {error}", code="damaged_pipeline") from error
    policy = wrap(pipeline.to(device))
    policy.fingerprint = folders.fingerprint(folder, *([check_lora(lora)] if lora is not None else []))
    return policy
