"""From measured items to preference pairs and what they are like: arrays in, arrays out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from annotator.mpo.options import Level, MiningOptions
from annotator.mpo.queries.item_values import ItemValues
from reward_engine.checklist import Checklist
from reward_engine.mpo.dominance import Pairs, both, keep, pairs, total_pairs
from reward_engine.mpo.selection import Choice as KeptPairs


@dataclass(frozen=True)
class Mined:
    """m pairs: positions of ``winner`` and ``loser`` int64 [m] among ``measured``; prompt by prompt, largest gap first.

    ``prompts``: how many prompts have two or more items; ``without``: how many of them give no pair.
    """

    measured: ItemValues
    winner: NDArray[np.int64]
    loser: NDArray[np.int64]
    prompts: int
    without: int

    def __len__(self) -> int:
        return len(self.winner)

    def gaps(self, part: slice = slice(None)) -> NDArray[np.float64]:
        """float64 [m, d]: by how much each winner is better in each dimension."""
        return self.measured.by_dimension[self.winner[part]] - self.measured.by_dimension[self.loser[part]]

    def reward_gaps(self, part: slice = slice(None)) -> NDArray[np.float64]:
        return self.measured.reward[self.winner[part]] - self.measured.reward[self.loser[part]]


def mine(
    measured: ItemValues,
    options: MiningOptions,
    also: ItemValues | None = None,
    tolerance: NDArray[np.float64] | None = None,
) -> Mined:
    """All pairs of ``measured`` that the options keep; with ``also``, only those that dominate there too.

    ``tolerance`` [d] of the first. Both hold the same items. Which pairs of a prompt are kept is decided after both
    have been asked.
    """
    limit = options.max_pairs_per_prompt
    found = _pairs(measured, options, limit if also is None else None, tolerance)
    if also is not None:
        found = both(found, _pairs(also, options, None))
        if limit is not None:
            found = keep(found, measured.prompts, limit, choose=cast(KeptPairs, options.choose), seed=options.seed)
    _, sizes = np.unique(measured.prompts, return_counts=True)
    several = int((sizes > 1).sum())
    without = several - len(np.unique(measured.prompts[found.winner]))
    return Mined(measured, found.winner, found.loser, several, without)


def _pairs(
    measured: ItemValues, options: MiningOptions, limit: int | None, tolerance: NDArray[np.float64] | None = None
) -> Pairs:
    find = total_pairs if options.level == Level.TOTAL else pairs
    return find(
        measured.values,
        measured.prompts,
        total=measured.reward,
        margin=options.margin,
        min_total_gap=options.min_total_gap,
        max_pairs_per_group=limit,
        choose=cast(KeptPairs, options.choose),
        seed=options.seed,
        **({} if tolerance is None else {"tolerance": tolerance}),
    )


def summarize(mined: Mined, checklist: Checklist) -> dict[str, Any]:
    """What a page says of the pairs: gaps of the reward, and by dimension the mean gap and who is better how often."""
    if not len(mined):
        return {"dimensions": [], "reward_gap": None, "pairs_per_prompt": None}
    block = 1 << 18
    parts = [slice(start, start + block) for start in range(0, len(mined), block)]
    total = np.zeros(len(checklist.dimensions))
    better, worse = np.zeros_like(total), np.zeros_like(total)
    for part in parts:
        gaps = mined.gaps(part)
        total += gaps.sum(axis=0)
        better += (gaps > 0).sum(axis=0)
        worse += (gaps < 0).sum(axis=0)
    count = len(mined)
    reward_gaps = mined.reward_gaps()
    _, per_prompt = np.unique(mined.measured.prompts[mined.winner], return_counts=True)
    return {
        "dimensions": [
            {
                "id": dimension.id,
                "name": dimension.name,
                "mean_gap": float(total[index] / count),
                "better": float(better[index] / count),
                "worse": float(worse[index] / count),
            }
            for index, dimension in enumerate(checklist.dimensions)
        ],
        "reward_gap": {
            "mean": float(reward_gaps.mean()),
            "median": float(np.median(reward_gaps)),
            "smallest": float(reward_gaps.min()),
            "largest": float(reward_gaps.max()),
        },
        "pairs_per_prompt": {"mean": float(per_prompt.mean()), "most": int(per_prompt.max())},
    }
