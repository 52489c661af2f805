"""Heads of many rows: chosen by sums over rows instead of by hundreds of fits.

Around a head that knows only the shares of the levels, the log-likelihood is nearly a parabola, whose slope and
curvature need of the features nothing but sums: Σ x by level and Σ x xᵀ (one step of Fisher scoring). From these sums,
taken once in kept and once in left-out prompts, follow the best coefficients of every candidate and penalty and what
they are worth on the left-out rows. Only the chosen one is then fitted, on all rows, by the likelihood itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from threadpoolctl import threadpool_limits

from reward_engine.training.fitting import (
    FOLDS,
    PENALTIES,
    TOTAL,
    Candidate,
    FittedHead,
    candidates_of,
    judge_gain,
    scales,
)
from reward_engine.training.ordinal import Ordinal, fit_ordinal, information, rates, slopes_at_zero
from reward_engine.training.splits import folds

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

ONE_FOLD_ROWS = 20_000
"""From here on one set of left-out prompts says as much as is needed."""

CHUNK = 4096
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Sums:
    """Sums over rows.

    ``counts`` [K + 1], the weight of a level; ``by_level`` [K + 1, m], Σ x; ``gram`` [m, m], Σ x xᵀ.
    """

    counts: Floats
    by_level: Floats
    gram: Floats

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.counts + other.counts, self.by_level + other.by_level, self.gram + other.gram)

    @property
    def mean(self) -> Floats:
        return np.asarray(self.by_level.sum(axis=0) / self.counts.sum())

    def around(self, mean: Floats) -> Sums:
        """Shift the sums to x − ``mean``."""
        total = self.by_level.sum(axis=0)
        gram = self.gram - np.outer(total, mean) - np.outer(mean, total) + self.counts.sum() * np.outer(mean, mean)
        return Sums(self.counts, self.by_level - np.outer(self.counts, mean), gram)

    def parabola(self) -> tuple[Floats, float]:
        """Approximate log P around the shares of the levels.

        Returns its slope by score for each level, and the mean curvature.
        """
        levels = np.arange(len(self.counts))
        thresholds = rates(levels, len(levels) - 1, self.counts, 0).thresholds
        return slopes_at_zero(thresholds), information(thresholds)


def fold_of(group: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Choose which of ``FOLDS`` sets of prompts each row belongs to."""
    found: NDArray[np.int64] = np.argmax(folds(group, FOLDS, seed), axis=0).astype(np.int64)
    return found


class ManyRows:
    """A design matrix float32 [n, m] and what heads share of it. ``group``, ``weight``: prompt and weight of each row.

    Rows must be in the order of :func:`fold_of`, so that those of a fold lie together.
    """

    def __init__(
        self, x: Singles, group: NDArray[np.int64], weight: Floats, columns: dict[str, slice], seed: int
    ) -> None:
        self.x, self.group, self.weight, self.columns = x, group, weight, columns
        self.fold = fold_of(group, seed)
        edges = np.searchsorted(self.fold, np.arange(int(self.fold.max()) + 2))
        self.parts = [slice(int(start), int(stop)) for start, stop in pairwise(edges)]
        self.left_out = range(len(self.parts) if len(x) < ONE_FOLD_ROWS else 1)
        self._grams = [self._gram(np.arange(part.start, part.stop)) for part in self.parts]

    def fit_head(
        self, name: str, y: NDArray[np.int64], applies: NDArray[np.bool_], steps: int, choice: FittedHead | None = None
    ) -> FittedHead:
        """y 0..steps [n], of rows where the head ``applies``.

        Args:
            choice: Made earlier on other rows, and kept to.
        """
        weight = np.where(applies, self.weight, 0.0)
        n, prompts = int(applies.sum()), len(np.unique(self.group[applies]))
        plain_rates = rates(y, steps, weight, self.x.shape[1])
        if len(np.unique(y[applies])) < 2:
            return FittedHead(name, "constant" if n else "empty", plain_rates, n, prompts)
        if prompts < 3:  # nothing to choose by
            return FittedHead(name, "rates", plain_rates, n, prompts)
        sums = self._sums(y, steps, applies)
        if choice is None or choice.kind in ("constant", "empty"):
            best, gain = self._choose(y, weight, sums)
        else:
            best, gain = choice.chosen, choice.gain or 0.0
        if best is None:
            return FittedHead(name, "rates", plain_rates, n, prompts)
        together, used = _total(sums), best.columns(self.columns)
        mean = together.mean
        centered = together.around(mean)
        scale, coef = np.zeros(self.x.shape[1]), np.zeros(self.x.shape[1])
        scale[used] = _scale(centered, best, self.columns)
        coef[used] = _steps(centered, used, scale[used], (best.penalty,))[0]
        start = Ordinal(coef, plain_rates.thresholds + mean @ coef)
        model = fit_ordinal(
            self.x, y, steps, weight, best.penalty,
            start=start, tolerance=TOLERANCE, scale=scale, gram=together.gram,
        )  # fmt: skip
        return FittedHead(name, "ordinal", model, n, prompts, best, gain)

    def _sums(self, y: NDArray[np.int64], steps: int, applies: NDArray[np.bool_]) -> list[Sums]:
        """Of each fold."""
        found = []
        for part, whole in zip(self.parts, self._grams, strict=True):
            inside = np.flatnonzero(applies[part]) + part.start
            outside = np.flatnonzero(~applies[part]) + part.start
            # Most heads apply to most rows: what is missing is quicker to sum than what is there.
            gram = whole - self._gram(outside) if len(outside) < len(inside) else self._gram(inside)
            counts = np.bincount(y[inside], weights=self.weight[inside], minlength=steps + 1).astype(np.float64)
            by_level = np.zeros((steps + 1, self.x.shape[1]))
            for start in range(part.start, part.stop, CHUNK):
                rows = slice(start, min(start + CHUNK, part.stop))
                of_level = (y[rows] == np.arange(steps + 1)[:, None]) & applies[rows]
                by_level += (of_level * self.weight[rows]).astype(np.float32) @ self.x[rows]
            found.append(Sums(counts, by_level, gram))
        return found

    def _gram(self, rows: NDArray[np.int64]) -> Floats:
        total = np.zeros((self.x.shape[1], self.x.shape[1]))
        for start in range(0, len(rows), CHUNK):
            part = rows[start : start + CHUNK]
            scaled = self.x[part] * np.sqrt(self.weight[part]).astype(np.float32)[:, None]
            total += scaled.T @ scaled
        return total

    def _choose(self, y: NDArray[np.int64], weight: Floats, sums: list[Sums]) -> tuple[Candidate | None, float]:
        candidates = candidates_of(self.columns)
        gains = np.zeros((len(candidates), len(PENALTIES)))
        asked: list[int] = []
        coefs, means, slopes, curvatures = [], [], [], []
        for left_out in self.left_out:
            kept = _total([part for fold, part in enumerate(sums) if fold != left_out])
            if np.count_nonzero(kept.counts) < 2:
                continue  # nothing to learn from outside these prompts
            asked.append(left_out)
            mean = kept.mean
            kept, out = kept.around(mean), sums[left_out].around(mean)
            slope, curvature = kept.parabola()
            rise_out = slope @ out.by_level
            found = np.zeros((len(candidates), len(PENALTIES), self.x.shape[1]))
            with threadpool_limits(1):  # many factors of a few hundred columns: threads would wait for each other
                for index, candidate in enumerate(candidates):
                    used = candidate.columns(self.columns)
                    scale = _scale(kept, candidate, self.columns)
                    found[index][:, used] = _steps(kept, used, scale, PENALTIES)
            bent = np.einsum("ijk,ijk->ij", found @ out.gram, found)
            gains += found @ rise_out - 0.5 * curvature * bent
            coefs.append(found)
            means.append(mean)
            slopes.append(slope)
            curvatures.append(curvature)
        index, step = (int(i) for i in np.unravel_index(np.argmax(gains), gains.shape))
        by_row = np.zeros(len(y))
        for left_out, found, mean, slope, curvature in zip(asked, coefs, means, slopes, curvatures, strict=True):
            rows = np.flatnonzero((self.fold == left_out) & (weight > 0))
            coef = found[index, step]
            scores = self.x[rows] @ coef.astype(np.float32) - mean @ coef
            by_row[rows] = weight[rows] * (slope[y[rows]] * scores - 0.5 * curvature * scores**2)
        measured = np.isin(self.fold, asked) & (weight > 0)
        if not measured.any():
            return None, 0.0
        worth_it, gain = judge_gain(by_row[measured], self.group[measured])
        return (candidates[index].at(PENALTIES[step]) if worth_it else None), gain / float(weight[measured].sum())


def _total(sums: list[Sums]) -> Sums:
    total = sums[0]
    for part in sums[1:]:
        total = total + part
    return total


def _steps(centered: Sums, used: NDArray[np.int64], scale: Floats, penalties: Sequence[float]) -> Floats:
    """One step of Fisher scoring from the shares of the levels: coefficients [penalties, used]."""
    slope, curvature = centered.parabola()
    rise = scale * (slope @ centered.by_level[:, used])
    bend = curvature * scale[:, None] * centered.gram[np.ix_(used, used)] * scale
    diagonal = np.diag(bend).copy()
    found = np.empty((len(penalties), len(used)))
    for row, penalty in enumerate(penalties):
        np.fill_diagonal(bend, diagonal + penalty)
        found[row] = scale * cho_solve(cho_factor(bend, check_finite=False), rise, check_finite=False)
    return found


def _scale(centered: Sums, candidate: Candidate, columns: dict[str, slice]) -> Floats:
    """As :func:`reward_engine.training.fitting._focus`, from sums around their mean; of the candidate's columns."""
    used = candidate.columns(columns)
    if candidate.focus == 0:
        return np.full(len(used), np.sqrt(TOTAL / len(used)))
    weight, levels = float(centered.counts.sum()), np.arange(len(centered.counts))
    y = levels - centered.counts @ levels / weight
    spread = np.sqrt(np.diag(centered.gram)[used] * float(centered.counts @ y**2))
    correlation = np.abs(y @ centered.by_level[:, used]) / np.maximum(spread, 1e-9 * weight)
    return scales(correlation, int(weight), candidate.focus)
