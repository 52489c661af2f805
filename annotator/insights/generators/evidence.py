"""What a version says of items, and what people say of them, in the same units where that is possible."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Campaign
from annotator.campaigns.queries import judgment_levels
from annotator.campaigns.queries.comparisons import preferences
from annotator.insights.makers import makers_of
from annotator.rewards.models import RewardModel, Score
from annotator.trust.consensus import majority
from reward_engine.answers import to_answers
from reward_engine.reward import reward
from reward_engine.weights import Weights, equal_weights

CHUNK = 5000


@dataclass(frozen=True)
class Rated:
    """n items with a value each.

    ``items``, ``generators``, ``prompts``: int64 [n]; ``values``: float64 [n, 1 + d], the whole and each dimension's
    part of it (d is 0 where there are none).
    """

    items: NDArray[np.int64]
    generators: NDArray[np.int64]
    prompts: NDArray[np.int64]
    values: NDArray[np.float64]

    def of(self, items: NDArray[np.int64]) -> Rated:
        """Keep these items."""
        kept = np.isin(self.items, items)
        return Rated(self.items[kept], self.generators[kept], self.prompts[kept], self.values[kept])


def scored(model: RewardModel) -> Rated:
    """Read the rewards of all items that a version has scored."""
    width = len(checklist_of(model.checklist_version).dimensions)
    numbers, values = [np.zeros((0, 3), dtype=np.int64)], [np.zeros((0, 1 + width))]
    rows = Score.objects.filter(reward_model=model).values_list(
        "item", "item__generator", "item__prompt", "reward", "by_dimension"
    )
    for chunk in _chunks(rows.iterator(CHUNK)):
        fitting = [row for row in chunk if len(row[4]) == width]  # of another checklist: scored before it changed
        if fitting:
            numbers.append(np.array([row[:3] for row in fitting], dtype=np.int64))
            values.append(np.array([[row[3], *row[4]] for row in fitting]))
    found = np.concatenate(numbers)
    return Rated(found[:, 0], found[:, 1], found[:, 2], np.concatenate(values))


def _chunks(rows: Iterator[Any]) -> Iterator[list[Any]]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def judged(campaigns: list[Campaign], model: RewardModel | None) -> Rated:
    """Turn people's consensus levels into rewards, by the version's weights (without one: equal weights)."""
    consensus = majority(judgment_levels(campaigns))
    checklist = consensus.checklist
    weights = Weights(np.asarray(model.weights), model.intercept) if model else equal_weights(checklist)
    found = reward(to_answers(checklist, consensus.levels), checklist, weights)
    makers, _ = makers_of(consensus.items)
    generators = np.array([makers[int(pk)] for pk in consensus.items], dtype=np.int64)
    values = np.concatenate([found.reward[:, None], found.by_dimension], axis=1)
    return Rated(consensus.items, generators, consensus.prompts, values)


def preferred(campaigns: list[Campaign]) -> Rated:
    """Give each item the share of its comparisons with other generators that it won, ties half."""
    said = preferences(campaigns)
    makers, _ = makers_of(np.concatenate([said.left, said.right]))
    sides = [np.array([makers[int(pk)] for pk in side], dtype=np.int64) for side in (said.left, said.right)]
    across = sides[0] != sides[1]
    items = np.concatenate([said.left[across], said.right[across]])
    won = np.concatenate([said.preferred[across], -said.preferred[across]]) / 2 + 0.5
    names, first, row = np.unique(items, return_index=True, return_inverse=True)
    share = np.bincount(row, won) / np.maximum(np.bincount(row), 1)
    generators = np.concatenate([side[across] for side in sides])[first]
    prompts = np.tile(said.prompts[across], 2)[first]
    return Rated(names, generators, prompts, share[:, None])
