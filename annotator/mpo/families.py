"""Families of pipelines, told from a folder's index alone, without loading anything."""

from __future__ import annotations

import json

from annotator.core.errors import ProblemError
from annotator.generations import pipelines
from reward_engine.mpo.training import FAMILY_DEFAULTS

NAMES = {
    "StableDiffusionPipeline": "Stable Diffusion 1.x/2.x",
    "StableDiffusionXLPipeline": "Stable Diffusion XL",
    "StableDiffusion3Pipeline": "Stable Diffusion 3",
    "FluxPipeline": "Flux",
    "CogVideoXPipeline": "CogVideoX",
}


def class_named(pipeline: str) -> str | None:
    """The class of the pipeline of this name where it lies here and can be trained; None for anything else."""
    try:
        source = pipelines.pipeline_source(pipeline)
        if isinstance(source, str):
            return None
        name = str(json.loads((source / pipelines.INDEX).read_bytes())["_class_name"])
    except (ProblemError, OSError, ValueError, KeyError, TypeError):
        return None
    return name if name in FAMILY_DEFAULTS else None


def family_name(pipeline_class: str | None) -> str:
    return NAMES.get(pipeline_class or "", pipeline_class or "")
