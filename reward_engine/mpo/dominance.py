"""Preference pairs by dominance.

MPO (VisionReward, arXiv 2412.21059, section 4) trains only on pairs (winner, loser) of one prompt in which the
winner is at least as good in every dimension and better in at least one, so that no quality is bought with
another. Which columns are compared is the caller's choice: ``RewardResult.by_dimension`` (the paper's),
``by_sub_dimension`` or ``contributions``; the finer, the stricter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.errors import DataError
from reward_engine.mpo.selection import Choice, check_choice, select

if TYPE_CHECKING:
    from reward_engine.reward import RewardResult

# Ordered pairs compared at a time: bounds memory to a few dozen megabytes whatever the data.
_BLOCK = 1 << 21

Indices = NDArray[np.int64]
ValueLevel: TypeAlias = Literal["dimension", "sub_dimension", "question"]


@dataclass(frozen=True)
class Pairs:
    """m pairs: positions of ``winner`` and ``loser`` int64 [m], and ``gaps`` float32 [m, d].

    The gaps are all ≥ 0 where pairs were found by dominance without a tolerance; otherwise some may be negative.
    Ordered by group as the groups first appear, within a group by total gap, largest first.
    """

    winner: NDArray[np.int64]
    loser: NDArray[np.int64]
    gaps: NDArray[np.float32]
    total_gap: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.winner)

    def take(self, positions: ArrayLike) -> Pairs:
        """Take the pairs at these positions, or where a mask is true."""
        at = np.asarray(positions)
        return Pairs(self.winner[at], self.loser[at], self.gaps[at], self.total_gap[at])


def pairs(
    values: ArrayLike,
    groups: ArrayLike,
    *,
    total: ArrayLike | None = None,
    margin: float = 0.0,
    tolerance: ArrayLike = 0.0,
    min_total_gap: float = 0.0,
    max_pairs_per_group: int | None = None,
    choose: Choice = "largest",
    seed: int = 0,
) -> Pairs:
    """Find all pairs of one group in which one item dominates another.

    Args:
        values: float [n, d], one column a dimension, higher is better.
        groups: int [n], items are compared within a group (a prompt).
        total: float [n], the total the gap is measured in; default the sum over dimensions.
        margin: By how much at least one dimension must be better (strictly more; rounding noise is no preference).
        tolerance: float [d] or one for all, differences up to it count as none, so that a winner may be worse by as
            much and must be better somewhere by more; see :mod:`reward_engine.mpo.tolerance`.
        min_total_gap: Pairs with a smaller difference of totals are left out.
        max_pairs_per_group: Keep that many of each group, chosen as ``choose`` says (``seed`` for random).

    Raises:
        DataError: For shapes that do not fit, values that are not finite, or options out of range.
    """
    array, group, totals = _check(values, groups, total)
    allowed = _check_tolerance(tolerance, array.shape[1])
    return _mine(array, array, group, totals, margin, min_total_gap, max_pairs_per_group, choose, seed, allowed)


def total_pairs(
    values: ArrayLike,
    groups: ArrayLike,
    *,
    total: ArrayLike | None = None,
    margin: float = 0.0,
    min_total_gap: float = 0.0,
    max_pairs_per_group: int | None = None,
    choose: Choice = "largest",
    seed: int = 0,
) -> Pairs:
    """Find pairs by the total reward alone: the baseline.

    The winner's total is higher by more than ``margin``, whatever the dimensions say. The arguments are as in
    :func:`pairs`; ``values`` only serve the reported gaps and the default total.
    """
    array, group, totals = _check(values, groups, total)
    return _mine(array, totals[:, None], group, totals, margin, min_total_gap, max_pairs_per_group, choose, seed)


def keep(pairs: Pairs, groups: ArrayLike, limit: int, *, choose: Choice = "largest", seed: int = 0) -> Pairs:
    """Keep the first ``limit`` pairs of each group, in their order.

    Args:
        groups: int [n] as for :func:`pairs`.
    """
    check_choice(choose, limit)
    of_winner = np.unique(np.asarray(groups), return_inverse=True)[1][pairs.winner]
    kept = select(of_winner, pairs.winner, pairs.loser, pairs.total_gap, limit, choose, seed)
    return pairs.take(np.sort(kept))


def both(first: Pairs, second: Pairs) -> Pairs:
    """Keep the pairs of ``first`` that ``second`` holds too.

    They may be of a model and of people over the same items. Mine both without a limit and :func:`keep` some of what
    this returns: two choices of a few seldom meet.
    """
    span = int(max((int(part.max()) for p in (first, second) for part in (p.winner, p.loser) if len(part)), default=0))
    codes = [p.winner * (span + 1) + p.loser for p in (first, second)]
    return first.take(np.isin(codes[0], codes[1]))


def level_values(result: RewardResult, level: ValueLevel) -> NDArray[np.float64]:
    """Take the columns [n, d], [n, s] or [n, q] that a level compares."""
    columns = {
        "dimension": result.by_dimension,
        "sub_dimension": result.by_sub_dimension,
        "question": result.contributions,
    }
    if level not in columns:
        raise DataError(f"Dominance can be asked at the level {', '.join(columns)}, not “{level}”.", code="options")
    return columns[level]


def _mine(
    values: NDArray[np.float64],
    compared: NDArray[np.float64],
    group: NDArray[np.generic],
    totals: NDArray[np.float64],
    margin: float,
    min_total_gap: float,
    limit: int | None,
    choose: Choice,
    seed: int,
    tolerance: NDArray[np.float64] | None = None,
) -> Pairs:
    allowed = np.zeros(compared.shape[1]) if tolerance is None else tolerance
    if margin < 0 or min_total_gap < 0:
        raise DataError("The margin and the smallest total gap are at least 0.", code="options")
    check_choice(choose, limit)
    _, first, compact, sizes = np.unique(group, return_index=True, return_inverse=True, return_counts=True)
    found = _Found(compact, totals, limit, choose, seed)
    for members in _groups_by_size(compact, sizes):
        for whole, winner, loser in _dominating(compared, totals, members, margin, allowed, min_total_gap):
            found.add(winner, loser, whole)
    winner, loser, gap = found.all(first)
    return Pairs(winner, loser, _gaps(values, winner, loser), gap)


class _Found:
    """Pairs as they come in blocks: each block of whole groups is ordered and cut to the limit at once."""

    def __init__(
        self, compact: Indices, totals: NDArray[np.float64], limit: int | None, choose: Choice, seed: int
    ) -> None:
        self.compact, self.totals, self.limit, self.choose, self.seed = compact, totals, limit, choose, seed
        self.done: list[tuple[Indices, Indices, NDArray[np.float64]]] = []
        self.part: tuple[Indices, Indices] | None = None  # of a group too large for one block

    def add(self, winner: Indices, loser: Indices, whole: bool) -> None:
        """Add the pairs of a block.

        Args:
            whole: The block ends with a group's end.
        """
        if self.part is not None:
            winner, loser = np.concatenate([self.part[0], winner]), np.concatenate([self.part[1], loser])
        group = self.compact[winner]
        gap = self.totals[winner] - self.totals[loser]
        if self.limit is not None:
            kept = select(group, winner, loser, gap, self.limit, self.choose, self.seed)
            group, winner, loser, gap = group[kept], winner[kept], loser[kept], gap[kept]
        self.part = None if whole else (winner, loser)
        if whole and len(winner):
            ranked = np.lexsort((loser, winner, -gap, group))
            self.done.append((winner[ranked], loser[ranked], gap[ranked]))

    def all(self, first: Indices) -> tuple[Indices, Indices, NDArray[np.float64]]:
        """Winner, loser, gap.

        Args:
            first: Where each group first appears, which is the order of groups.
        """
        if not self.done:
            none = np.zeros(0, dtype=np.int64)
            return none, none, np.zeros(0)
        winner, loser, gap = (np.concatenate(parts) for parts in zip(*self.done, strict=True))
        self.done.clear()
        appearance = first[self.compact[winner]]
        if (appearance[1:] >= appearance[:-1]).all():
            return winner, loser, gap
        order = np.argsort(appearance, kind="stable")
        return winner[order], loser[order], gap[order]


def _groups_by_size(compact: Indices, sizes: NDArray[np.int64]) -> Iterator[Indices]:
    """Positions of the items of all groups of one size, int64 [groups, size], for each size from two."""
    order = np.argsort(compact, kind="stable")  # the items, group by group
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    for size in np.unique(sizes[sizes > 1]):
        yield order[starts[sizes == size][:, None] + np.arange(size)]


def _dominating(
    values: NDArray[np.float64],
    totals: NDArray[np.float64],
    members: Indices,
    margin: float,
    tolerance: NDArray[np.float64],
    min_total_gap: float,
) -> Iterator[tuple[bool, Indices, Indices]]:
    """Pairs of groups of one size: ``members`` int64 [groups, size], compared in blocks of groups or of rows.

    Yields (does the block end with a group's end, winners, losers).
    """
    count, size = members.shape
    groups_at_once = max(1, _BLOCK // (size * size))
    rows_at_once = size if groups_at_once > 1 else max(1, _BLOCK // size)
    for start in range(0, count, groups_at_once):
        block = members[start : start + groups_at_once]
        for row in range(0, size, rows_at_once):
            left = block[:, row : row + rows_at_once]
            no_worse = np.ones((len(block), left.shape[1], size), dtype=bool)
            better = np.zeros_like(no_worse)
            for column, allowed in zip(values.T, tolerance, strict=True):
                gap = column[left][:, :, None] - column[block][:, None, :]
                no_worse &= gap >= -allowed
                better |= gap > max(margin, allowed)
            no_worse &= better
            if min_total_gap > 0:
                no_worse &= totals[left][:, :, None] - totals[block][:, None, :] >= min_total_gap
            group, winner, loser = np.nonzero(no_worse)
            yield row + rows_at_once >= size, left[group, winner], block[group, loser]


def _gaps(values: NDArray[np.float64], winner: Indices, loser: Indices) -> NDArray[np.float32]:
    """values[winner] − values[loser], without a float64 array of that size in between."""
    gaps = np.empty((len(winner), values.shape[1]), dtype=np.float32)
    for start in range(0, len(winner), _BLOCK):
        part = slice(start, start + _BLOCK)
        gaps[part] = values[winner[part]] - values[loser[part]]
    return gaps


def _check_tolerance(tolerance: ArrayLike, columns: int) -> NDArray[np.float64]:
    allowed = np.asarray(tolerance, dtype=np.float64)
    if allowed.ndim > 1 or (allowed.ndim == 1 and len(allowed) != columns):
        raise DataError(f"One tolerance or {columns} are needed; these have the shape {allowed.shape}.", code="options")
    if not np.isfinite(allowed).all() or (allowed < 0).any():
        raise DataError("Tolerances are finite and at least 0.", code="options")
    return np.broadcast_to(allowed, columns).copy()


def _check(
    values: ArrayLike, groups: ArrayLike, total: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.generic], NDArray[np.float64]]:
    array = np.asarray(values, dtype=np.float64)
    group = np.asarray(groups)
    if array.ndim != 2 or group.shape != (len(array),):
        raise DataError(f"Values [n, d] and groups [n] are needed; the shapes are {array.shape} and {group.shape}.")
    totals = array.sum(axis=1) if total is None else np.asarray(total, dtype=np.float64)
    if totals.shape != (len(array),):
        raise DataError(f"There are {len(array)} items and {totals.size} totals.")
    if not np.isfinite(array).all() or not np.isfinite(totals).all():
        row = int(np.flatnonzero(~np.isfinite(array).all(axis=1) | ~np.isfinite(totals))[0])
        raise DataError(f"Row {row} holds a value that is not finite; score the item again or leave it out.")
    return array, group, totals
