"""Resamples of prompts that many figures share, so that their differences have intervals too."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.errors import DataError
from reward_engine.evaluation.bootstrap import TIMES
from reward_engine.groups import group_numbers

Floats = NDArray[np.float64]
CHUNK = 64
MOST_DRAWS = np.iinfo(np.uint8).max


class Resamples:
    """Draws of whole prompts with replacement, shared by many figures.

    ``prompts`` [n] are those of the rows; n ≥ 1.
    """

    def __init__(self, prompts: ArrayLike, *, times: int = TIMES, seed: int = 0) -> None:
        self.group = group_numbers(prompts, len(np.asarray(prompts)))
        if not len(self.group):
            raise DataError("There is nothing to draw from.")
        self.groups, self.times = int(self.group.max()) + 1, times
        self._seed = seed

    @cached_property
    def weights(self) -> NDArray[np.uint8]:
        """How often each prompt is drawn, uint8 [times, groups].

        A byte each, as there may be 100,000 prompts.
        """
        rng = np.random.default_rng(self._seed)
        drawn = np.empty((self.times, self.groups), dtype=np.uint8)
        for index in range(self.times):
            counts = np.bincount(rng.integers(self.groups, size=self.groups), minlength=self.groups)
            drawn[index] = np.minimum(counts, MOST_DRAWS)
        return drawn

    def of_prompts(self, cells: NDArray[np.int64], width: int, amounts: ArrayLike | None = None) -> Floats:
        """Count rows by prompt and cell, float64 [groups, width].

        Args:
            cells: int64 [n], the cell of each row; −1 leaves it out.
            amounts: [n], how much each row counts; 1 without it.
        """
        kept = cells >= 0
        weights = None if amounts is None else np.asarray(amounts, dtype=np.float64)[kept]
        at = self.group[kept] * width + cells[kept]
        return np.bincount(at, weights, self.groups * width).reshape(self.groups, width).astype(np.float64)

    def sums(self, of_prompts: Floats) -> Floats:
        """Sum counts of prompts [groups, c] over each resample, float64 [times, c]."""
        found = np.empty((self.times, of_prompts.shape[1]))
        for start in range(0, self.times, CHUNK):
            found[start : start + CHUNK] = self.weights[start : start + CHUNK].astype(np.float64) @ of_prompts
        return found
