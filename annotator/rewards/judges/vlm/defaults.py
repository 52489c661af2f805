"""Defaults of a LoRA training by the size of its base model, each with its reason. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

BILLION = 1_000_000_000


@dataclass(frozen=True)
class Default:
    """A value for a setting that was left empty, and why."""

    value: Any
    reason: Any


def defaults_for(parameters: int, *, gpu: bool) -> dict[str, Default]:
    """Settings for a base model of so many parameters.

    Args:
        gpu: Whether the worker has one.
    """
    small, large = parameters < BILLION, parameters >= 5 * BILLION
    rank = 8 if small else 16
    rate = 1e-3 if parameters < BILLION // 10 else 2e-4 if not large else 1e-4
    return {
        "rank": Default(rank, _("Small models have little to adapt; higher ranks overfit.") if small
                        else _("Enough for yes/no answers. A higher rank learns more and forgets more.")),
        "alpha": Default(2.0 * rank, _("Twice the rank keeps the step size when the rank changes.")),
        "learning_rate": Default(rate, _("Larger models take smaller steps.") if large
                                 else _("Small models need larger steps.") if rate > 2e-4
                                 else _("The usual rate for LoRA.")),
        "epochs": Default(8.0 if small else 2.0, _("Small models need to see the answers more often.") if small
                          else _("More than two passes over the data overfit.")),
        "batch_size": Default(4 if small else 1, _("Several small items fit into memory together.") if small
                              else _("One item includes all its questions, which fills a pass.")),
        "accumulate": Default(2 if small else 8, _("Eight items per step on one device.")),
        "mixed_precision": Default("bf16" if gpu else "no", _("Twice as fast on a GPU.") if gpu
                                   else _("A CPU is not faster in bf16, and float32 is exact.")),
        "gradient_checkpointing": Default(gpu and large, _("Activations of large models would not fit.")
                                          if gpu and large else _("Faster, and there is enough memory.")),
        "evaluate_every": Default(20 if small else 50, _("Often enough to stop at the best step.")),
        "checkpoint_every": Default(20 if small else 50, _("An interruption loses at most this many steps.")),
    }  # fmt: skip


def filled(settings: Mapping[str, Any], parameters: int, *, gpu: bool) -> dict[str, Any]:
    """The settings with defaults where they were left empty."""
    found = dict(settings)
    for name, default in defaults_for(parameters, gpu=gpu).items():
        if found.get(name) in (None, ""):
            found[name] = default.value
    return found
