"""A pipeline without its weights: every network on PyTorch's ``meta`` device, which has shapes and no data.

A policy around it answers as the real one would, in shapes: how large latents and conditioning are, what a pass
costs. It takes milliseconds and no memory, whatever the model's size.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import torch

from reward_engine.errors import TrainingError
from reward_engine.mpo.policies import folder as folders
from reward_engine.mpo.policies.base import Policy
from reward_engine.mpo.policies.families import family_of
from reward_engine.mpo.policies.loading import wrap

LIBRARIES = ("diffusers", "transformers")


def skeleton(folder: Path, dtype: torch.dtype) -> Policy:
    """The policy of a checked folder, on ``meta``.

    Raises:
        TrainingError: If a part's configuration is unusable.
    """
    import diffusers

    family_of(folder)
    index = json.loads((folder / folders.INDEX).read_text())
    parts: dict[str, Any] = {}
    for name, entry in index.items():
        if not isinstance(entry, list) or len(entry) != 2:
            continue
        try:
            # The safety checker sees finished pictures; it has no part in training.
            missing = entry[1] is None or name in ("safety_checker", "feature_extractor", "image_encoder")
            parts[name] = None if missing else _part(folder / name, entry[0], entry[1], dtype)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
            raise TrainingError(f"{folder / name} cannot be understood ({error}).", code="damaged_pipeline") from error
    flags = {name: index[name] for name in ("force_zeros_for_empty_prompt", "is_distilled") if name in index}
    if "safety_checker" in parts:
        flags["requires_safety_checker"] = False
    return wrap(getattr(diffusers, index["_class_name"])(**parts, **flags))


def _part(folder: Path, library: str, name: str, dtype: torch.dtype) -> Any:
    if library not in LIBRARIES:
        raise ValueError(f"its class is from “{library}”, not from {' or '.join(LIBRARIES)}")
    kind = getattr(importlib.import_module(library), name)
    if not issubclass(kind, torch.nn.Module):
        return kind.from_pretrained(str(folder))  # a tokenizer or a scheduler: small files
    with torch.device("meta"):
        if library == "diffusers":
            module = kind.from_config(json.loads((folder / "config.json").read_text()))
        else:
            module = kind(kind.config_class.from_pretrained(str(folder)))
    return torch.nn.Module.to(module.eval(), dtype)  # without diffusers' advice, which is for real weights
