"""Ratings of generators from comparisons: Bradley–Terry with ties, with intervals by prompt.

Davidson (1970): with d the rating of the first minus that of the second,

    P(first) = e^{d/2} / Z,   P(second) = e^{−d/2} / Z,   P(tie) = e^η / Z,   Z = e^{d/2} + e^{−d/2} + e^η.

Ratings exist only among generators of which each can be reached from each other one by wins and ties (Ford 1957):
one that always wins would be infinitely better. The fit is that of the largest such set, which is its exact limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.special import ndtri

from reward_engine.comparisons import Comparisons

Standing = Literal["rated", "won", "lost", "apart"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ratings:
    """Ratings of g generators.

    Their mean is 0; one that is higher by 1 wins e times as often as it loses.

    ``rating``, ``low``, ``high``: float64 [g], NaN for generators that are not rated; the intervals (95 %) are NaN as
    well below two prompts. ``standing``: "rated", or why not: it always "won" or "lost" against the rated ones (against
    all, where none can be rated), or stands "apart", as no comparison connects it with them. ``tie``: η, None where
    nobody said tie.
    """

    rating: Floats
    low: Floats
    high: Floats
    standing: tuple[Standing, ...]
    tie: float | None

    def win_share(self, generator: int) -> float | None:
        """Compute the expected share of wins against the other rated generators.

        Ties are half; each of the others counts alike. None where the generator is not rated.
        """
        rated = np.flatnonzero([one == "rated" for one in self.standing])
        others = self.rating[rated[rated != generator]]
        if self.standing[generator] != "rated" or not len(others):
            return None
        first, tie, _ = _outcomes(self.rating[generator] - others, self.tie)
        return float((first + tie / 2).mean())


def rate(first: ArrayLike, second: ArrayLike, outcome: ArrayLike, prompts: ArrayLike, *, generators: int) -> Ratings:
    """Rate generators 0..g−1 from what people said of their items.

    Args:
        first: int [m], the generator of the first item of each comparison.
        second: int [m], that of the second item, another one.
        outcome: int [m], +1 the first is better, 0 a tie, −1 the second is better.
        prompts: [m]; comparisons of one prompt count as one draw in the intervals.
        generators: How many there are, g.

    Raises:
        DataError: Naming the comparison that does not fit.
    """
    said = Comparisons.of(first, second, outcome, prompts, items=generators)
    standing = _standing(said, generators)
    rating, low, high = (np.full(generators, np.nan) for _ in range(3))
    rated = np.array([one == "rated" for one in standing], dtype=bool)
    kept = rated[said.first] & rated[said.second]
    if not kept.any():
        return Ratings(rating, low, high, standing, None)
    number = np.cumsum(rated) - 1
    a, b = number[said.first[kept]], number[said.second[kept]]
    rating[rated], tie = _fit(a, b, said.outcome[kept], int(rated.sum()))
    error = _errors(a, b, said.outcome[kept], said.prompts[kept], rating[rated], tie)
    if error is not None:
        reach = ndtri(0.975) * error
        low[rated], high[rated] = rating[rated] - reach, rating[rated] + reach
    return Ratings(rating, low, high, standing, tie)


def _standing(said: Comparisons, generators: int) -> tuple[Standing, ...]:
    """Say of each generator whether it can be rated with the largest set of those that can."""
    winner = np.concatenate([said.first[said.outcome >= 0], said.second[said.outcome <= 0]])
    loser = np.concatenate([said.second[said.outcome >= 0], said.first[said.outcome <= 0]])
    beats = coo_matrix((np.ones(len(winner)), (winner, loser)), shape=(generators, generators)).tocsr()
    _, strong = connected_components(beats, directed=True, connection="strong")
    members = np.bincount(strong)
    answers = np.bincount(strong[said.first[strong[said.first] == strong[said.second]]], minlength=len(members))
    largest = strong == np.lexsort((answers, members))[-1]
    if largest.sum() == 1:  # nobody can be rated beside anybody: what is left to say is who only won or only lost
        largest[:] = False
        reach = ~np.isin(np.arange(generators), winner), ~np.isin(np.arange(generators), loser)
        alone = reach[0] & reach[1]
        reach = reach[0] & ~alone, reach[1] & ~alone
    else:
        reach = _reachable(beats, largest), _reachable(beats.T.tocsr(), largest)
    found: list[Standing] = []
    for index in range(generators):
        if largest[index]:
            found.append("rated")
        else:
            found.append("lost" if reach[0][index] else "won" if reach[1][index] else "apart")
    return tuple(found)


def _reachable(edges: coo_matrix, start: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark what can be reached from these, bool [g]."""
    seen = start.copy()
    while True:
        further = seen | (edges.T @ seen > 0)
        if (further == seen).all():
            return np.asarray(seen)
        seen = further


def _outcomes(gap: Floats, tie: float | None) -> tuple[Floats, Floats, Floats]:
    """Compute P(first), P(tie) and P(second) of gaps, float64 [m] each."""
    parts = np.stack([gap / 2, np.full(gap.shape, -np.inf if tie is None else tie), -gap / 2])
    p = np.exp(parts - np.logaddexp.reduce(parts, axis=0))
    return p[0], p[1], p[2]


def _fit(a: NDArray[np.int64], b: NDArray[np.int64], outcome: NDArray[np.int8], g: int) -> tuple[Floats, float | None]:
    """Maximize the likelihood; the loss is convex, and adding to all ratings alike changes nothing."""
    cells, times = np.unique(np.stack([a, b, outcome]), axis=1, return_counts=True)
    a, b, said = cells
    weight = times / times.sum()
    ties = bool((said == 0).any())

    def loss(parameters: Floats) -> tuple[float, Floats]:
        gap, tie = parameters[a] - parameters[b], float(parameters[g]) if ties else None
        first, level, second = _outcomes(gap, tie)
        chosen = np.where(said > 0, first, np.where(said < 0, second, level))
        slope = weight * ((first - second) - said) / 2
        gradient: Floats = np.asarray(np.bincount(a, slope, g) - np.bincount(b, slope, g), dtype=np.float64)
        if ties:
            gradient = np.append(gradient, weight @ (level - (said == 0)))
        return float(-weight @ np.log(np.maximum(chosen, 1e-300))), gradient

    found = minimize(loss, np.zeros(g + ties), jac=True, method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-9})
    rating = found.x[:g] - found.x[:g].mean()
    return np.asarray(rating), float(found.x[g]) if ties else None


def _errors(
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    outcome: NDArray[np.int8],
    prompts: NDArray[np.int64],
    rating: Floats,
    tie: float | None,
) -> Floats | None:
    """Estimate the standard errors of the ratings [g] as of drawing whole prompts; None below two prompts.

    The sandwich of Liang & Zeger (1986): the curvature of the loss around the scatter of the prompts' slopes.
    """
    g, group = len(rating), np.unique(prompts, return_inverse=True)[1]
    clusters = int(group.max()) + 1
    if clusters < 2:
        return None
    first, level, second = _outcomes(rating[a] - rating[b], tie)
    # Slopes and curvature of −log P in (gap, η), of each comparison.
    lead = first - second
    by_gap, by_tie = (lead - outcome) / 2, level - (outcome == 0)
    curve = (first + second - lead**2) / 4
    size = g + (tie is not None)
    slopes, bend = np.zeros((clusters, size)), np.zeros((size, size))
    np.add.at(slopes, (group, a), by_gap)
    np.add.at(slopes, (group, b), -by_gap)
    np.add.at(bend, (a, a), curve)
    np.add.at(bend, (b, b), curve)
    np.add.at(bend, (a, b), -curve)
    np.add.at(bend, (b, a), -curve)
    if tie is not None:
        slopes[:, g] = np.bincount(group, by_tie, clusters)
        across = -level * lead / 2
        edge = np.bincount(a, across, g) - np.bincount(b, across, g)
        bend[:g, g] = bend[g, :g] = edge
        bend[g, g] = (level * (1 - level)).sum()
    inverse = np.linalg.pinv(bend, rcond=1e-10, hermitian=True)  # of rank g − 1: their mean is fixed
    scatter = inverse @ (slopes.T @ slopes) @ inverse * clusters / (clusters - 1)
    return np.sqrt(np.maximum(np.diag(scatter)[:g], 0.0))
