"""What makes answers a reward: a weights file of ours, or a published one with its alignment score."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reward_engine import published
from reward_engine.checklist import Checklist
from reward_engine.cli.predictions import Stored
from reward_engine.errors import DataError
from reward_engine.reward import RewardResult, reward
from reward_engine.weights import KIND, Weights, equal_weights

HELP = "a weights file, ours or a published one (default: every sub-dimension counts alike)"


@dataclass(frozen=True)
class Formula:
    """How answers become a reward.

    ``weights`` of the questions, and of the alignment score where a published image reward counts it.
    """

    weights: Weights
    alignment: float | None = None

    def apply(self, stored: Stored, values: NDArray[np.float64]) -> tuple[RewardResult, NDArray[np.float64]]:
        """Compute the reward and what alignment adds to it.

        Returns the reward of signed values [n, q] without alignment, and the part of the alignment score [n], zeros
        where there is none.

        Raises:
            DataError: If the score is counted and an item has none.
        """
        found = reward(values, stored.checklist, self.weights)
        if self.alignment is None:
            return found, np.zeros(len(stored.keys))
        if stored.alignment is None or not np.isfinite(stored.alignment).all():
            missing = 0 if stored.alignment is None else int(np.flatnonzero(~np.isfinite(stored.alignment))[0])
            raise DataError(
                f"The published image reward counts how well an item shows its prompt, and {stored.keys[missing]} has "
                "no such score. Give every item a prompt, and judge with --alignment.",
                code="alignment",
            )
        return found, self.alignment * stored.alignment


def read(path: Path | None, checklist: Checklist) -> Formula:
    """Read weights from a file; equal ones without a file.

    Raises:
        WeightsError: The weights do not fit the checklist.
    """
    if path is None:
        return Formula(equal_weights(checklist))
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        said = None  # told better by the reader of our own files
    if said is None or (isinstance(said, dict) and said.get("kind") == KIND):
        return Formula(Weights.load(path, checklist))
    found = published.load_weights(path, checklist)
    return Formula(found.weights(), found.alignment_coef)
