"""A reward over media, in parts: what runs are compared by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from reward_engine.errors import DataError
from reward_engine.judges.base import MediaInput


@dataclass(frozen=True)
class Scores:
    """Rewards of n items and their parts.

    ``reward`` float64 [n], ``by_dimension`` [n, d] and ``by_sub_dimension`` [n, s], with their names.

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
