"""What a head of few rows may be: each candidate is a direction in the design matrix, learned from some prompts.

From the plainest to the richest: one classical measure; ridge regression on few features or all of them; the same with
the items of a prompt compared among themselves (least squares on the differences within a prompt, RankRLS, Pahikkala et
al. 2007); the same on what related ladders have in common; a judge trained on other data. How the levels lie along the
direction is fitted afterwards, alike for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reward_engine.groups import within

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

ALPHAS = (30.0, 3.0)
"""Strengths of the ridge on columns that together have the length 1; strongest first."""

GCV_ALPHAS = (10.0, 100.0, 1000.0, 10_000.0)
"""Strengths of a ridge on standardized columns as they are, as for the baseline."""

BETWEEN = 0.5
"""In a ranking, how much differences between prompts count beside those within one."""

RELATED = 0.3
"""Ladders that go together within prompts at least so closely (correlation) are learned together."""

FEWEST_COMMON = 8


@dataclass(frozen=True)
class HeadCandidate:
    """A direction that a head may take.

    ``simple``: a baseline that any other must beat. ``directions``: from the rows one may learn from, bool [n], to
    coefficients [k, m] on all columns of the design matrix, for k strengths.
    """

    name: str
    simple: bool
    directions: Callable[[Mask], Floats]


def measure_candidate(name: str, column: int, x: Floats, y: Floats, group: NDArray[np.int64]) -> HeadCandidate:
    """Take one column as it is.

    Which way it points is learned from differences within prompts.
    """
    judged = ~np.isnan(y)

    def directions(rows: Mask) -> Floats:
        used = rows & judged
        coef = np.zeros((1, x.shape[1]))
        if used.any():
            value = within(x[used, column], group[used], BETWEEN)
            coef[0, column] = 1.0 if value @ within(y[used], group[used], BETWEEN) >= 0 else -1.0
        return coef

    return HeadCandidate(name, True, directions)


class Solver:
    """Ridge regressions on one set of columns.

    What many ladders share of them is worked out once.
    """

    def __init__(self, x: Floats, columns: NDArray[np.int64], group: NDArray[np.int64], weight: Floats) -> None:
        self.x, self.columns, self.group, self.weight = x, columns, group, weight
        self._known: dict[tuple[bytes, float], tuple[Floats, Floats, Floats]] = {}

    def candidate(self, name: str, target: Floats, *, simple: bool = False, between: float = 1.0) -> HeadCandidate:
        """Make a candidate of a ridge regression on these columns.

        ``target`` [n], NaN where there is nothing to learn from. ``between`` 1 is plain ridge regression.
        """
        judged = ~np.isnan(target)

        def directions(rows: Mask) -> Floats:
            used = rows & judged
            coef = np.zeros((len(ALPHAS), self.x.shape[1]))
            if used.any():
                coef[:, self.columns] = self.solve(used, target[used], between)
            return coef

        return HeadCandidate(name, simple, directions)

    def solve(self, rows: Mask, target: Floats, between: float) -> Floats:
        """Compute the coefficients [alphas, columns]."""
        key = (np.packbits(rows).tobytes(), between)
        if key not in self._known:
            scale = np.sqrt(self.weight[rows])[:, None] / np.sqrt(len(self.columns))
            part = within(self.x[rows][:, self.columns], self.group[rows], between, self.weight[rows]) * scale
            left, singular, right = np.linalg.svd(part, full_matrices=False)
            self._known[key] = (left.T, singular, right)
        left, singular, right = self._known[key]
        b = within(target, self.group[rows], between, self.weight[rows]) * np.sqrt(self.weight[rows])
        turned = left @ b
        fits = np.stack([(turned * singular / (singular**2 + alpha)) @ right for alpha in ALPHAS])
        return np.asarray(fits / np.sqrt(len(self.columns)))


def cross_validated(name: str, x: Floats, target: Floats, weight: Floats) -> HeadCandidate:
    """Regress on all columns by ridge, its strength by generalized cross-validation.

    It takes no choice of ours.
    """
    judged = ~np.isnan(target)

    def directions(rows: Mask) -> Floats:
        from sklearn.linear_model import RidgeCV

        used = rows & judged
        coef = np.zeros((1, x.shape[1]))
        if used.sum() > 2 and np.ptp(target[used]) > 0:
            coef[0] = RidgeCV(alphas=GCV_ALPHAS).fit(x[used], target[used], weight[used]).coef_
        return coef

    return HeadCandidate(name, True, directions)


def pooled(levels: Floats, ladder: int, group: NDArray[np.int64], rows: Mask) -> tuple[Floats, list[int]]:
    """Average a ladder with those related to it.

    Returns what they have in common [n], NaN where none was judged; and which those are.

    ``levels`` [n, ladders], NaN where not judged. Ladders are related that go together within prompts among ``rows``.
    """
    spread = [float(np.nanstd(levels[rows, k])) if (~np.isnan(levels[rows, k])).any() else 0.0 for k in
              range(levels.shape[1])]  # fmt: skip
    related = [
        k for k in range(levels.shape[1])
        if k != ladder and spread[k] > 0 and _together(levels[rows, ladder], levels[rows, k], group[rows]) >= RELATED
    ]  # fmt: skip
    if not related or not spread[ladder] > 0:
        return np.full(len(levels), np.nan), []
    kept = [ladder, *related]
    standard = (levels[:, kept] - np.nanmean(levels[rows][:, kept], axis=0)) / np.array(spread)[kept]
    known = ~np.isnan(standard)
    counts = known.sum(axis=1)
    total = np.where(known, standard, 0.0).sum(axis=1)
    return np.where(counts > 0, total / np.maximum(counts, 1), np.nan), related


def _together(a: Floats, b: Floats, group: NDArray[np.int64]) -> float:
    both = ~(np.isnan(a) | np.isnan(b))
    if both.sum() < FEWEST_COMMON:
        return 0.0
    left, right = within(a[both], group[both], 0.0), within(b[both], group[both], 0.0)
    size = float(np.sqrt((left @ left) * (right @ right)))
    return float(left @ right) / size if size > 0 else 0.0


def known_heads(
    x: Floats, coef: Floats, solver_rows: tuple[NDArray[np.int64], Floats], target: Floats
) -> HeadCandidate:
    """Weigh the heads of another judge by ridge regression on what they say.

    Args:
        coef: The heads in this design matrix, [heads, m].
    """
    group, weight = solver_rows
    said = x @ coef.T
    spread = said.std(axis=0)
    used = np.flatnonzero(spread > 1e-9)
    standard = said[:, used] / spread[used]
    solver = Solver(standard, np.arange(len(used)), group, weight)
    judged = ~np.isnan(target)

    def directions(rows: Mask) -> Floats:
        kept = rows & judged
        if not len(used) or not kept.any():
            return np.zeros((len(ALPHAS), x.shape[1]))
        return np.asarray((solver.solve(kept, target[kept], BETWEEN) / spread[used]) @ coef[used])

    return HeadCandidate("prior heads", False, directions)


def prior_candidate(coef: Floats) -> HeadCandidate:
    """Take the direction [m] of another judge's head of the same name."""
    return HeadCandidate("prior", False, lambda _rows: coef[None])
