"""Families of pipelines that can be trained, and what is known of each without PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reward_engine.errors import TrainingError
from reward_engine.judges.base import MediaType
from reward_engine.mpo.policies import folder as folders


@dataclass(frozen=True)
class Family:
    """What pipelines of one family make, and how they are sampled.

    Steps and guidance scale are those that its makers recommend.
    """

    media_type: MediaType = "image"
    steps: int = 30
    guidance_scale: float = 5.0


FAMILIES: dict[str, Family] = {
    "StableDiffusionPipeline": Family(guidance_scale=7.5),
    "StableDiffusionXLPipeline": Family(),
    "StableDiffusion3Pipeline": Family(steps=28, guidance_scale=7.0),
    "FluxPipeline": Family(steps=28, guidance_scale=3.5),
    "CogVideoXPipeline": Family("video", steps=50, guidance_scale=6.0),
}


def family(pipeline_class: str) -> Family:
    """Look up the family of a pipeline's class.

    Raises:
        TrainingError: If it cannot be trained here.
    """
    if pipeline_class not in FAMILIES:
        raise TrainingError(
            f"{pipeline_class} cannot be trained here. The families are {', '.join(FAMILIES)}.", code="unknown_family"
        )
    return FAMILIES[pipeline_class]


def family_of(folder: Path) -> Family:
    """The family of a pipeline folder, read from its ``model_index.json`` without loading any weight.

    Raises:
        TrainingError: The folder is no pipeline, or of no family that can be trained here.
    """
    return family(folders.pipeline_class(folder))
