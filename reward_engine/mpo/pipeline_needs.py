"""What is asked of a pipeline's files ahead of a run, a generation or a comparison, in plain arguments.

The answers need PyTorch, this module does not: a process that must not load it can have another one answer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from reward_engine.mpo.generation import Sampling, check
from reward_engine.mpo.needs import Estimate, GenerationEstimate
from reward_engine.mpo.training.settings import Settings


def run_needs(folder: Path, settings: Settings) -> Estimate:
    """See :func:`reward_engine.mpo.estimate.estimate`."""
    from reward_engine.mpo.estimate import estimate

    return estimate(folder, settings)


def generation_needs(
    folder: Path,
    steps: int,
    guidance_scale: float,
    *,
    width: int | None = None,
    height: int | None = None,
    frames: int | None = None,
    precision: Literal["fp32", "bf16"] = "bf16",
    lora: Path | None = None,
) -> GenerationEstimate:
    """See :func:`reward_engine.mpo.generation_estimate.estimate_generation`. A size of None is the pipeline's own."""
    import torch

    from reward_engine.mpo.generation_estimate import estimate_generation

    return estimate_generation(
        folder,
        lambda policy: Sampling.of(policy, steps, guidance_scale, width=width, height=height, frames=frames),
        dtype=torch.float32 if precision == "fp32" else torch.bfloat16,
        lora=lora,
    )


def check_sampling(
    folder: Path,
    steps: int,
    guidance_scale: float,
    *,
    width: int | None = None,
    height: int | None = None,
    frames: int | None = None,
) -> None:
    """Check that a pipeline can be asked so.

    See :func:`reward_engine.mpo.generation.check`, which says what is raised.
    """
    import torch

    from reward_engine.mpo.policies.skeleton import skeleton

    policy = skeleton(folder, torch.float32)
    check(policy, Sampling.of(policy, steps, guidance_scale, width=width, height=height, frames=frames))
