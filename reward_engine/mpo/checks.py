"""What is checked of scores and pairs before any GPU time is spent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.errors import DataError
from reward_engine.mpo import dominance

LOOKED_AT = 200_000  # items that an explanation looks at; more would not say it better


def check_scores(
    values: ArrayLike, groups: ArrayLike, *, keys: Sequence[str] = (), checklists: Sequence[str] = ()
) -> None:
    """Check that scores can be compared.

    Every item is scored, by one checklist, and has another one to be compared with.

    Args:
        values: float [n, d], NaN where an item has no score.
        groups: [n], prompts.
        keys: [n], what items are called in messages (default: their row).
        checklists: [n], content hash of the checklist each was scored by.

    Raises:
        DataError: With the code ``missing_scores``, ``mixed_checklists`` or ``nothing_to_compare``.
    """
    array = np.asarray(values, dtype=np.float64)
    lacking = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(lacking):
        first = keys[int(lacking[0])] if keys else f"row {int(lacking[0])}"
        raise DataError(
            f"{len(lacking):,} of {len(array):,} items have no complete score, {first} among them. "
            "Score them with the same reward model, or leave them out.",
            code="missing_scores",
        )
    versions = sorted(set(checklists))
    if len(versions) > 1:
        counts = [sum(version == found for found in checklists) for version in versions]
        named = ", ".join(f"{count:,} by {version[:12]}" for version, count in zip(versions, counts, strict=True))
        raise DataError(
            f"The scores come from {len(versions)} versions of the checklist ({named}), whose dimensions do not mean "
            "the same. Score all items with one reward model.",
            code="mixed_checklists",
        )
    sizes = np.unique(np.asarray(groups), return_counts=True)[1]
    if not (sizes > 1).any():
        raise DataError(
            f"None of the {len(sizes):,} prompts has two items to compare. Generate several items per prompt.",
            code="nothing_to_compare",
        )


def check_mined(
    pairs: dominance.Pairs,
    values: ArrayLike,
    groups: ArrayLike,
    names: Sequence[str],
    *,
    total: ArrayLike | None = None,
    margin: float = 0.0,
    min_total_gap: float = 0.0,
) -> None:
    """Check that mining found something, or say what stood in the way.

    The arguments are those that :func:`dominance.pairs` was called with; ``names`` are of the columns.

    Raises:
        DataError: With the code ``no_pairs``.
    """
    if len(pairs):
        return
    array, group = np.asarray(values, dtype=np.float64), np.asarray(groups)
    totals = array.sum(axis=1) if total is None else np.asarray(total, dtype=np.float64)
    unlimited = dominance.pairs(array, group, total=totals)
    if len(unlimited):
        widest = float(unlimited.gaps.max())
        largest = float(unlimited.total_gap.max())
        raise DataError(
            f"{len(unlimited):,} pairs dominate, but none passes the margin {margin:g} and the smallest total gap "
            f"{min_total_gap:g}: the widest difference in one dimension is {widest:.3g}, the largest of totals "
            f"{largest:.3g}. Lower them.",
            code="no_pairs",
        )
    share, worst = _in_the_way(array[:LOOKED_AT], group[:LOOKED_AT], totals[:LOOKED_AT])
    raise DataError(
        "No item dominates another of its prompt. Most often in the way: "
        f"“{names[worst]}”, which is worse in {share:.0%} of the pairs whose total is better. Generate more items a "
        "prompt, compare at a coarser level, or have a look at that dimension.",
        code="no_pairs",
    )


def _in_the_way(
    values: NDArray[np.float64], groups: NDArray[np.generic], totals: NDArray[np.float64]
) -> tuple[float, int]:
    """(share, column): of pairs better in total, how many are worse in the column that is worse most often."""
    better = dominance.total_pairs(values, groups, total=totals, max_pairs_per_group=64, choose="random")
    if not len(better):
        return 0.0, 0
    worse = (better.gaps < 0).mean(axis=0)
    column = int(np.argmax(worse))
    return float(worse[column]), column
