"""Policies: pipelines that can be trained, told apart, checked and loaded.

What needs PyTorch is imported when it is first used: families, folders and LoRA files can be looked at without.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from reward_engine.mpo.policies.families import FAMILIES, Family, family, family_of
from reward_engine.mpo.policies.folder import check_lora

if TYPE_CHECKING:
    from reward_engine.mpo.policies.base import Conditioning, Policy
    from reward_engine.mpo.policies.loading import POLICIES, load_policy, wrap

__all__ = [
    "FAMILIES",
    "POLICIES",
    "Conditioning",
    "Family",
    "Policy",
    "check_lora",
    "family",
    "family_of",
    "load_policy",
    "wrap",
]

_PLACES = {"base": ("Conditioning", "Policy"), "loading": ("POLICIES", "load_policy", "wrap")}


def __getattr__(name: str) -> Any:
    for module, names in _PLACES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
