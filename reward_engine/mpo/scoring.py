"""A reward over media, in parts: what runs are compared by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from reward_engine import reward as rewards
from reward_engine.errors import DataError
from reward_engine.judges.base import Judge, MediaInput
from reward_engine.weights import Weights


@dataclass(frozen=True)
class Scores:
    """``reward`` float64 [n], and its parts ``by_dimension`` [n, d] and ``by_sub_dimension`` [n, s], with their names.

    Higher is better everywhere. A reward without sub-dimensions has s = 0.
    """

    reward: NDArray[np.float64]
    by_dimension: NDArray[np.float64]
    by_sub_dimension: NDArray[np.float64]
    dimensions: tuple[str, ...]
    sub_dimensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.reward)
        for array, names in ((self.by_dimension, self.dimensions), (self.by_sub_dimension, self.sub_dimensions)):
            if array.shape != (n, len(names)):
                raise DataError(f"Scores of {n} items in {len(names)} parts are needed; the shape is {array.shape}.")

    @property
    def columns(self) -> NDArray[np.float64]:
        """[n, 1 + d + s]: reward, dimensions, sub-dimensions."""
        return np.concatenate([self.reward[:, None], self.by_dimension, self.by_sub_dimension], axis=1)


Score: TypeAlias = Callable[[Sequence[MediaInput]], Scores]
"""Scores items in their order. Raises where one cannot be scored: a mean over what is left would flatter."""


def judge_score(judge: Judge, weights: Weights, *, batch_size: int = 16) -> Score:
    """The soft reward of a judge's answers (see ``reward_engine.reward``) as a :data:`Score`."""
    checklist = judge.checklist

    def score(items: Sequence[MediaInput]) -> Scores:
        predictions = judge.predict(items, batch_size=batch_size)
        if predictions.errors:
            key, reason = next(iter(predictions.errors.items()))
            raise DataError(
                f"{len(predictions.errors)} of {len(items)} items could not be scored, {key} among them: {reason}",
                code="missing_scores",
            )
        found = rewards.reward(rewards.soft_values(predictions.p_yes, checklist), checklist, weights)
        return Scores(
            found.reward,
            found.by_dimension,
            found.by_sub_dimension,
            tuple(dimension.name for dimension in checklist.dimensions),
            tuple(sub.name for sub in checklist.ordinal),
        )

    return score
