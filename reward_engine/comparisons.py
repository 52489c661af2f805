"""Comparisons of two items of one prompt, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.errors import DataError
from reward_engine.groups import group_numbers


@dataclass(frozen=True)
class Comparisons:
    """Pairs of items and which of them is better.

    ``first``, ``second`` int64 [m]: rows of the items compared; ``outcome`` int8 [m]: +1 the first is better, 0 a tie,
    −1 the second is better; ``prompts`` int64 [m]: numbers 0..g−1 of their prompts.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    outcome: NDArray[np.int8]
    prompts: NDArray[np.int64]

    @classmethod
    def of(
        cls, first: ArrayLike, second: ArrayLike, outcome: ArrayLike, prompts: ArrayLike, *, items: int
    ) -> Comparisons:
        """Check the arrays and number the ``prompts``, which may be texts.

        Raises:
            DataError: Naming the pair.
        """
        a, b, said = np.asarray(first), np.asarray(second), np.asarray(outcome)
        if not (a.ndim == 1 and a.shape == b.shape == said.shape):
            raise DataError(
                f"Two items and one outcome a pair are needed; the shapes are {a.shape}, {b.shape} and {said.shape}.",
                code="shape",
            )
        for rows in (a, b):
            wrong = np.flatnonzero((rows < 0) | (rows >= items) | (rows != np.floor(rows)))
            if len(wrong):
                raise DataError(f"Pair {wrong[0]}: there is no item {rows[wrong[0]]}; there are {items}.", code="range")
        if (same := np.flatnonzero(a == b)).size:
            raise DataError(f"Pair {same[0]}: the item {a[same[0]]} is compared with itself.", code="range")
        if (wrong := np.flatnonzero(~np.isin(said, (-1, 0, 1)))).size:
            raise DataError(f"Pair {wrong[0]}: the outcome is {said[wrong[0]]}; it must be 1, 0 or −1.", code="range")
        return cls(a.astype(np.int64), b.astype(np.int64), said.astype(np.int8), group_numbers(prompts, len(a)))

    def __len__(self) -> int:
        return len(self.outcome)

    def differences(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute values[first] − values[second], float64 [m, ...]."""
        return np.asarray(values[self.first] - values[self.second])


def comparisons_from_rankings(ranks: ArrayLike, prompts: ArrayLike) -> Comparisons:
    """List all pairs of items of one prompt that rankings imply.

    The items of a pair stand in row order.

    Args:
        ranks: float [n], 1 is best, equal ranks are ties; NaN where an item was not ranked.
        prompts: [n].

    Raises:
        DataError: Shapes or values do not fit.
    """
    rank = np.asarray(ranks, dtype=np.float64)
    if rank.ndim != 1:
        raise DataError(f"One rank an item is needed; the shape is {rank.shape}.", code="shape")
    prompt = group_numbers(prompts, len(rank))
    ranked = np.flatnonzero(~np.isnan(rank))
    order = ranked[np.argsort(prompt[ranked], kind="stable")]
    _, starts, sizes = np.unique(prompt[order], return_index=True, return_counts=True)
    first, second = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for size in np.unique(sizes[sizes > 1]):  # all prompts with as many items at once
        members = order[starts[sizes == size][:, None] + np.arange(size)]
        i, j = np.triu_indices(size, 1)
        first.append(members[:, i].ravel())
        second.append(members[:, j].ravel())
    a, b = np.concatenate(first), np.concatenate(second)
    arranged = np.lexsort((b, a))
    a, b = a[arranged], b[arranged]
    outcome = np.sign(rank[b] - rank[a]).astype(np.int8)  # the smaller rank is better
    return Comparisons(a, b, outcome, prompt[a])
