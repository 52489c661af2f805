"""Checklists as data: the classes, and the YAML files they come from."""

from reward_engine.checklist.files import builtin, dumps, load, loads
from reward_engine.checklist.model import (
    AppliesWhen,
    Checklist,
    Dimension,
    Level,
    Mask,
    Question,
    SubDimension,
)
from reward_engine.checklist.translations import translated

__all__ = [
    "AppliesWhen",
    "Checklist",
    "Dimension",
    "Level",
    "Mask",
    "Question",
    "SubDimension",
    "builtin",
    "dumps",
    "load",
    "loads",
    "translated",
]
