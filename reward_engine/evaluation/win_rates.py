"""Who beats whom how often, and intervals of shares that never promise certainty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from reward_engine.comparisons import Comparisons
from reward_engine.evaluation.bootstrap import Interval


@dataclass(frozen=True)
class WinRate:
    """How one generator fares against another.

    ``share`` of wins, ties half, with its 95 % interval; the counts are of answers, ``prompts`` of prompts.
    """

    wins: int
    ties: int
    losses: int
    prompts: int
    share: Interval | None

    @property
    def answers(self) -> int:
        return self.wins + self.ties + self.losses


def wilson(successes: float, n: float) -> Interval | None:
    """Compute a share and its 95 % interval (Wilson 1927); ``successes`` may hold halves. None where n is 0."""
    if not n > 0:
        return None
    z, share = float(ndtri(0.975)), successes / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * float(np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)))
    return Interval(share, max(middle - reach, 0.0), min(middle + reach, 1.0))


def win_rates(
    first: ArrayLike, second: ArrayLike, outcome: ArrayLike, prompts: ArrayLike, *, generators: int
) -> list[list[WinRate]]:
    """Tell for each generator (row) how it fares against each other one (column).

    Answers on one prompt resemble each other, so that the interval is as wide as if each prompt were one answer.

    Args:
        first: int [m], the generator of the first item of each comparison.
        second: int [m], that of the second item, another one.
        outcome: int [m], +1 the first is better, 0 a tie, −1 the second is better.
        prompts: [m].
        generators: How many there are, g.

    Raises:
        DataError: Naming the comparison that does not fit.
    """
    said = Comparisons.of(first, second, outcome, prompts, items=generators)
    shape = (generators, generators)
    wins, ties, asked = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    np.add.at(wins, (said.first[said.outcome > 0], said.second[said.outcome > 0]), 1)
    np.add.at(wins, (said.second[said.outcome < 0], said.first[said.outcome < 0]), 1)
    even = said.outcome == 0
    np.add.at(ties, (said.first[even], said.second[even]), 1)
    low, high = np.minimum(said.first, said.second), np.maximum(said.first, said.second)
    once = np.unique(np.stack([low, high, said.prompts]), axis=1)
    np.add.at(asked, (once[0], once[1]), 1)
    ties, asked = ties + ties.T, asked + asked.T
    return [[_cell(wins, ties, asked, row, column) for column in range(generators)] for row in range(generators)]


def _cell(wins: NDArray[np.int64], ties: NDArray[np.int64], asked: NDArray[np.int64], row: int, column: int) -> WinRate:
    won, even, lost = int(wins[row, column]), int(ties[row, column]), int(wins[column, row])
    prompts, answers = int(asked[row, column]), won + even + lost
    share = wilson((won + even / 2) / answers * prompts, prompts) if answers else None
    return WinRate(won, even, lost, prompts, share)
