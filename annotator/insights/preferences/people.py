"""What people's comparisons say of people: how often two agree, and whether the left side is favored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotator.campaigns.queries.comparisons import Preferences
from reward_engine.answers import ABSENT
from reward_engine.evaluation import Interval, human_agreement, wilson
from reward_engine.evaluation.bootstrap import interval, of_counts, ratio


@dataclass(frozen=True)
class PeopleAgreement:
    """How two people who compared the same pair agree.

    ``pairs`` have two or more answers, which make ``twos`` of two people. ``same``: the share that say the same of
    three answers; ``same_side``: of those of which both prefer a side. ``alpha``: Krippendorff's, ordinal (a tie stands
    between the sides), with each pair both ways round, so that it does not matter which item is called the first.
    """

    pairs: int
    twos: int
    decided: int
    same: Interval | None
    same_side: Interval | None
    alpha: float | None


@dataclass(frozen=True)
class PositionBias:
    """How often the left item is preferred, of the answers that prefer one; ½ where nobody favors a side."""

    left: int
    decided: int
    share: Interval | None

    @property
    def favors(self) -> str:
        """Name the side that is favored beyond chance: "left", "right" or ""."""
        if self.share is None or self.share.low <= 0.5 <= self.share.high:
            return ""
        return "left" if self.share.low > 0.5 else "right"


def position_bias(said: Preferences) -> PositionBias:
    """Measure how often people take the left item."""
    left, decided = int((said.preferred == 1).sum()), int((said.preferred != 0).sum())
    return PositionBias(left, decided, wilson(left, decided))


def people_agreement(said: Preferences) -> PeopleAgreement:
    """Measure how often two people say the same of a pair."""
    if not len(said.pairs):
        return PeopleAgreement(0, 0, 0, None, None, None)
    outcome = np.where(said.left < said.right, said.preferred, -said.preferred).astype(np.int8)
    names, pair = np.unique(said.pairs, return_inverse=True)
    counts = np.zeros((len(names), 3))
    np.add.at(counts, (pair, outcome.astype(np.int64) + 1), 1)
    prompts = np.zeros(len(names), dtype=np.int64)
    prompts[pair] = said.prompts
    people, sides = counts.sum(axis=1), counts[:, 0] + counts[:, 2]
    twice = (counts * (counts - 1)) / 2
    figures = np.stack(
        [twice.sum(axis=1), people * (people - 1) / 2, twice[:, 0] + twice[:, 2], sides * (sides - 1) / 2], axis=1
    )
    same, twos, same_side, decided = figures.sum(axis=0)
    drawn = of_counts(figures, prompts)
    return PeopleAgreement(
        pairs=int((people >= 2).sum()),
        twos=int(twos),
        decided=int(decided),
        same=interval(same / twos, ratio(drawn[:, 0], drawn[:, 1])) if twos else None,
        same_side=interval(same_side / decided, ratio(drawn[:, 2], drawn[:, 3])) if decided else None,
        alpha=_alpha(pair, outcome, len(names)) if twos else None,
    )


def _alpha(pair: NDArray[np.int64], outcome: NDArray[np.int8], pairs: int) -> float | None:
    order = np.argsort(pair, kind="stable")
    sizes = np.bincount(pair, minlength=pairs)
    place = np.arange(len(pair)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    levels = np.full((int(sizes.max()), pairs), ABSENT, dtype=np.int8)
    levels[place, pair[order]] = outcome[order]
    turned = np.where(levels == ABSENT, ABSENT, -levels)
    return human_agreement(np.concatenate([levels, turned], axis=1)).alpha
