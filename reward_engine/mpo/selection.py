"""Which pairs of a prompt are kept where there are more than one wants."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from reward_engine.errors import DataError

Choice: TypeAlias = Literal["largest", "closest", "random", "diverse"]
"""``largest`` total gap: the clearest lessons. ``closest``: the finest ones. ``random``: no preference, by a seed.
``diverse``: as many different winners as there are, each with its clearest loser, before one wins again."""

CHOICES: tuple[Choice, ...] = get_args(Choice)

Indices: TypeAlias = NDArray[np.int64]


def check_choice(choose: str, limit: int | None) -> None:
    """Check the way to choose and the limit.

    Raises:
        DataError: For an unknown way to choose or a limit below one.
    """
    if choose not in CHOICES:
        raise DataError(f"Pairs can be chosen as {', '.join(CHOICES)}, not “{choose}”.", code="options")
    if limit is not None and limit < 1:
        raise DataError(f"At least one pair of each prompt must be kept, not {limit}.", code="options")


def select(
    group: Indices, winner: Indices, loser: Indices, gap: NDArray[np.float64], limit: int, choose: Choice, seed: int
) -> Indices:
    """Choose at most ``limit`` pairs of each group.

    Returns their positions, group by group; all arguments are [m], in any order. The choice depends on the pairs alone,
    not on the order or the blocks they come in: it may be applied to parts of a group and then to what is left of all
    parts.
    """
    if choose == "diverse":
        by_winner = np.lexsort((loser, -gap, winner))
        turn = np.empty(len(winner), dtype=np.int64)
        turn[by_winner] = _rank(winner[by_winner])
        order = np.lexsort((loser, winner, -gap, turn, group))
    elif choose == "random":
        order = np.lexsort((loser, winner, _lot(winner, loser, seed), group))
    else:
        order = np.lexsort((loser, winner, -gap if choose == "largest" else gap, group))
    return order[_rank(group[order]) < limit]


def _rank(ordered: Indices) -> Indices:
    """Of values in which equal ones stand together: the how-manieth of its kind each is, from 0."""
    if not len(ordered):
        return np.zeros(0, dtype=np.int64)
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    return np.arange(len(ordered)) - np.repeat(starts, np.diff(np.append(starts, len(ordered))))


def _lot(winner: Indices, loser: Indices, seed: int) -> NDArray[np.uint64]:
    """A random number for each pair that depends on the pair and the seed only (splitmix64's mixing, twice)."""
    state = np.full(len(winner), seed % 2**64, dtype=np.uint64)
    for part in (winner, loser):
        state = _mix(part.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15) + state)
    return state


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
