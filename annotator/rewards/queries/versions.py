"""Versions side by side: what each was measured at, whatever its kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from annotator.rewards.models import RewardModel


@dataclass(frozen=True)
class VersionFigures:
    """A version's figures on its own held-out prompts; None for what was not measured.

    ``log_loss`` in nats an answer, calibrated; ``preference_accuracy``: of held-out pairs that people preferred one of,
    where its weights were fitted; ``seconds_per_item`` and ``memory_bytes`` of judging on ``device``.
    """

    model: RewardModel
    held_out_items: int | None
    held_out_prompts: int | None
    accuracy: float | None
    baseline_accuracy: float | None
    kappa: float | None
    log_loss: float | None
    spearman: float | None
    preference_accuracy: float | None
    seconds_per_item: float | None
    memory_bytes: int | None
    device: str


def version_figures(model: RewardModel) -> VersionFigures:
    """Read the figures stored with a version, without computing any."""
    metrics, manifest = model.metrics, model.manifest
    overall: dict[str, Any] = metrics.get("overall", {})
    validation, cost = metrics.get("validation", {}), metrics.get("cost", {})
    return VersionFigures(
        model=model,
        held_out_items=validation.get("items"),
        held_out_prompts=validation.get("prompts"),
        accuracy=overall.get("accuracy"),
        baseline_accuracy=overall.get("baseline_accuracy"),
        kappa=overall.get("kappa"),
        log_loss=manifest.get("calibration_report", {}).get("log_loss_after"),
        spearman=overall.get("correlation"),
        preference_accuracy=manifest.get("preferences", {}).get("held_out", {}).get("diff"),
        seconds_per_item=cost.get("seconds_per_item"),
        memory_bytes=cost.get("memory_bytes"),
        device=cost.get("device", ""),
    )
