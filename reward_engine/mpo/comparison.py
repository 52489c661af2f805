"""Is the tuned model better, in what, and was anything paid for it?

Both models made the same prompts from the same seeds, so items are compared one to one. What is uncertain is how it
would have come out with other prompts: confidence intervals are from a bootstrap over prompts (Efron 1979), not over
items, which are alike within a prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.errors import DataError
from reward_engine.mpo.scoring import Scores

RESAMPLES = 4000


@dataclass(frozen=True)
class Change:
    """How a mean differs between start and tuned model.

    It holds both means, and the difference with its confidence interval.
    """

    name: str
    start: float
    tuned: float
    difference: float
    low: float
    high: float

    @property
    def verdict(self) -> Literal["rises", "falls", "unclear"]:
        """Whether the interval leaves no doubt of the sign."""
        return "rises" if self.low > 0 else "falls" if self.high < 0 else "unclear"


@dataclass(frozen=True)
class Rates:
    """Shares of items that add up to 1."""

    win: float
    tie: float
    lose: float


@dataclass(frozen=True)
class ScoreComparison:
    """Tuned against start.

    Attributes:
        items, prompts: how many were compared.
        reward, dimensions, sub_dimensions: the changes.
        by_reward: shares of items whose reward is higher, within the tie margin, lower than the start's.
        by_dominance: shares of items that dominate the start's, neither, are dominated by it.
        confidence: of the intervals, e.g. 0.95.
    """

    items: int
    prompts: int
    reward: Change
    dimensions: tuple[Change, ...]
    sub_dimensions: tuple[Change, ...]
    by_reward: Rates
    by_dominance: Rates
    confidence: float

    @property
    def over_optimized(self) -> tuple[str, ...]:
        """Dimensions that fall for certain while the reward rises.

        The reward was bought with them.
        """
        if self.reward.difference <= 0:
            return ()
        return tuple(change.name for change in self.dimensions if change.verdict == "falls")


def compare(
    start: Scores,
    tuned: Scores,
    prompts: ArrayLike,
    *,
    tie_margin: float = 0.0,
    confidence: float = 0.95,
    seed: int = 0,
) -> ScoreComparison:
    """Compare items one to one.

    Args:
        prompts: [n], whose items belong together.
        tie_margin: ≥ 0, rewards that differ by no more count as a tie.

    Raises:
        DataError: The scores do not match each other or the prompts, a value is missing, or there is one prompt only.
    """
    group = np.unique(np.asarray(prompts), return_inverse=True)[1]
    n = len(start.reward)
    if (start.dimensions, start.sub_dimensions) != (tuned.dimensions, tuned.sub_dimensions):
        raise DataError("Both models must be scored by the same checklist.", code="mixed_checklists")
    if len(tuned.reward) != n or len(group) != n:
        raise DataError(
            f"{n} items of the start, {len(tuned.reward)} tuned ones, {len(group)} prompts: they must match."
        )
    before, after = start.columns, tuned.columns
    if not np.isfinite(before).all() or not np.isfinite(after).all():
        raise DataError("A score is missing; score all items of both models first.", code="missing_scores")
    if n == 0 or group.max() == 0:
        raise DataError("At least two prompts are needed to say how sure a change is.", code="too_few_prompts")
    difference = after - before
    low, high = _interval(difference, group, confidence, seed)
    names = ("Reward", *start.dimensions, *start.sub_dimensions)
    changes = [
        Change(name, *(float(x) for x in values))
        for name, *values in zip(
            names, before.mean(axis=0), after.mean(axis=0), difference.mean(axis=0), low, high, strict=True
        )
    ]
    d = len(start.dimensions)
    by_dimension = difference[:, 1 : 1 + d]
    return ScoreComparison(
        items=n,
        prompts=int(group.max()) + 1,
        reward=changes[0],
        dimensions=tuple(changes[1 : 1 + d]),
        sub_dimensions=tuple(changes[1 + d :]),
        by_reward=_rates(difference[:, 0] > tie_margin, difference[:, 0] < -tie_margin),
        by_dominance=_rates(_dominates(by_dimension), _dominates(-by_dimension)),
        confidence=confidence,
    )


def _interval(
    difference: NDArray[np.float64], group: NDArray[np.int64], confidence: float, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Percentiles of the mean difference [k] over resampled prompts."""
    count = int(group.max()) + 1
    sums = np.zeros((count, difference.shape[1]))
    np.add.at(sums, group, difference)
    sizes = np.bincount(group, minlength=count).astype(np.float64)
    rng = np.random.default_rng(seed)
    means = np.empty((RESAMPLES, difference.shape[1]))
    block = max(1, 4_000_000 // count)
    for start in range(0, RESAMPLES, block):
        rows = min(block, RESAMPLES - start)
        chosen = rng.integers(count, size=(rows, count)) + count * np.arange(rows)[:, None]
        drawn = np.bincount(chosen.ravel(), minlength=rows * count).reshape(rows, count).astype(np.float64)
        means[start : start + rows] = (drawn @ sums) / (drawn @ sizes)[:, None]
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail], axis=0)
    return low, high


def _dominates(difference: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((difference >= 0).all(axis=1) & (difference > 0).any(axis=1))


def _rates(wins: NDArray[np.bool_], loses: NDArray[np.bool_]) -> Rates:
    win, lose = float(wins.mean()), float(loses.mean())
    return Rates(win, 1.0 - win - lose, lose)


def describe(comparison: ScoreComparison, names: Sequence[str] | None = None) -> str:
    """Describe a comparison in a few lines, for a terminal or a log.

    Args:
        names: Only these dimensions.
    """
    rows = [comparison.reward, *(c for c in comparison.dimensions if names is None or c.name in names)]
    lines = [
        f"{row.name:24} {row.start:9.4f} → {row.tuned:9.4f}   {row.difference:+9.4f} "
        f"[{row.low:+.4f}, {row.high:+.4f}]  {row.verdict}"
        for row in rows
    ]
    rates = comparison.by_reward
    lines.append(f"win {rates.win:.1%}  tie {rates.tie:.1%}  lose {rates.lose:.1%} of {comparison.items} items")
    if comparison.over_optimized:
        lines.append(f"Over-optimized: the reward rises, {', '.join(comparison.over_optimized)} fall.")
    return "\n".join(lines)
