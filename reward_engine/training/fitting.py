"""One head of few rows: which features, how strong a ridge, and the fit; chosen by prompts left out in turn.

With some dozens of rows, a choice among many is a lottery. The candidates are therefore few, the
strongest restraint wins ties, and where no candidate predicts left-out prompts better than the plain
shares of the levels, the head keeps to those shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_engine.training.design import ONLY
from reward_engine.training.ordinal import NEWTON_COLUMNS, Ordinal, fit_ordinal, rates
from reward_engine.training.splits import folds

Floats = NDArray[np.float64]

PENALTIES = (100.0, 30.0, 10.0, 3.0, 1.0)
"""Strongest first: each fit starts from the one before."""

TOTAL = 64.0
FOLDS = 4
MIN_GAIN = 1.0
"""Nats over all left-out rows by which features must beat the plain shares of the levels; and by one standard
error of the sum over prompts."""

ROUGH, FINE = 1e-5, 1e-9
"""Relative tolerance of a fit: to compare candidates, and of the one that is kept."""


@dataclass(frozen=True)
class Candidate:
    """``groups``: columns of the design matrix a head may look at.

    ``focus``: each column is scaled by |correlation with the level| ** focus before the ridge, which then
    spends its restraint on columns that say nothing (as in the adaptive lasso, Zou 2006). Always computed on
    the rows a fit may see.
    """

    groups: tuple[str, ...]
    focus: float
    penalty: float = 0.0

    def at(self, penalty: float) -> Candidate:
        return Candidate(self.groups, self.focus, penalty)

    def columns(self, groups: dict[str, slice]) -> NDArray[np.int64]:
        return np.concatenate([np.arange(groups[name].start, groups[name].stop) for name in self.groups])


@dataclass(frozen=True)
class FittedHead:
    """``kind``: "ordinal"; "rates" where features did not help; "constant" where all rows have one level; "empty"."""

    name: str
    kind: str
    model: Ordinal
    n: int
    prompts: int
    chosen: Candidate | None = None
    gain: float | None = None

    def describe(self) -> dict[str, Any]:
        """Plain data for the manifest. ``gain``: nats a row that the features were worth on left-out prompts."""
        found: dict[str, Any] = {"kind": self.kind, "n": self.n, "prompts": self.prompts}
        if self.chosen is not None:
            found |= {
                "features": list(self.chosen.groups),
                "focus": self.chosen.focus,
                "penalty": self.chosen.penalty,
                "gain": self.gain,
            }
        return found


def fit_head(
    name: str,
    x: Floats,
    y: NDArray[np.int64],
    steps: int,
    group: NDArray[np.int64],
    weight: Floats,
    columns: dict[str, slice],
    seed: int,
) -> FittedHead:
    """Choose and fit: x [n, m], y 0..steps [n], the prompt of each row, its weight, the groups of columns."""
    plain_rates = rates(y, steps, weight, x.shape[1])
    prompts = len(np.unique(group))
    if len(np.unique(y)) < 2:
        return FittedHead(name, "constant" if len(y) else "empty", plain_rates, len(y), prompts)
    if prompts < 3:  # nothing to choose by
        return FittedHead(name, "rates", plain_rates, len(y), prompts)
    best, gain = _choose(x, y, steps, group, weight, columns, seed)
    if best is None:
        return FittedHead(name, "rates", plain_rates, len(y), prompts)
    model = _path(x, y, steps, weight, columns, best, down_to=best.penalty)[-1]
    return FittedHead(name, "ordinal", model, len(y), prompts, best, gain / float(weight.sum()))


def _choose(
    x: Floats,
    y: NDArray[np.int64],
    steps: int,
    group: NDArray[np.int64],
    weight: Floats,
    columns: dict[str, slice],
    seed: int,
) -> tuple[Candidate | None, float]:
    candidates = candidates_of(columns)
    losses = np.zeros((len(candidates), len(PENALTIES), len(y)))
    without = np.zeros(len(y))
    for left_out in folds(group, FOLDS, seed):
        kept = ~left_out
        x_kept, y_kept, weight_kept = x[kept], y[kept], weight[kept]
        x_out, y_out = x[left_out], y[left_out]
        without[left_out] = rates(y_kept, steps, weight_kept, x.shape[1]).log_loss(x_out, y_out)
        for index, candidate in enumerate(candidates):
            path = _path(x_kept, y_kept, steps, weight_kept, columns, candidate, tolerance=ROUGH)
            losses[index][:, left_out] = [model.log_loss(x_out, y_out) for model in path]
    totals = losses @ weight
    index, step = (int(i) for i in np.unravel_index(np.argmin(totals), totals.shape))
    worth_it, gain = judge_gain(weight * (without - losses[index, step]), group)
    return (candidates[index].at(PENALTIES[step]) if worth_it else None), gain


def judge_gain(gains: Floats, group: NDArray[np.int64]) -> tuple[bool, float]:
    """Whether gains [n] of rows, in nats, are more than chance over prompts; and their sum."""
    by_prompt = np.bincount(group, weights=gains)[np.unique(group)]
    gain = float(by_prompt.sum())
    return gain >= max(MIN_GAIN, float(by_prompt.std(ddof=1)) * np.sqrt(len(by_prompt))), gain


def candidates_of(columns: dict[str, slice]) -> list[Candidate]:
    """Plain features; these with the first wide block (the network); everything; a short block by itself. Each even
    and focussed."""
    alone = [name for name in columns if name.startswith(ONLY)]
    wide = [
        name
        for name, at in columns.items()
        if name not in ("plain", "squares") and name not in alone and at.stop > at.start
    ]
    plain = ["plain", "squares"] if columns["plain"].stop else []
    sets = [tuple(plain + wide[:count]) for count in dict.fromkeys((0, 1, len(wide))) if plain or count]
    sets += [(name,) for name in alone]
    return [Candidate(groups, focus) for groups in dict.fromkeys(sets) for focus in (0.0, 2.0)]


def _path(
    x: Floats,
    y: NDArray[np.int64],
    steps: int,
    weight: Floats,
    columns: dict[str, slice],
    candidate: Candidate,
    *,
    down_to: float = 0.0,
    tolerance: float = FINE,
) -> list[Ordinal]:
    """The fits along ``PENALTIES``, as far as ``down_to``; coefficients on all columns of x."""
    used = candidate.columns(columns)
    scale = _focus(x[:, used], y, weight, candidate.focus)
    # The ridge's solution lies in the span of the rows: with more columns than rows, rotate the others away.
    scaled, back = _thin(x[:, used] * scale)
    gram = (scaled * weight[:, None]).T @ scaled if scaled.shape[1] > NEWTON_COLUMNS else None
    found = []
    start: Ordinal | None = None
    for penalty in PENALTIES:
        if penalty < down_to:
            break
        start = fit_ordinal(scaled, y, steps, weight, penalty, start=start, tolerance=tolerance, gram=gram)
        coef = np.zeros(x.shape[1])
        coef[used] = (start.coef if back is None else start.coef @ back) * scale
        found.append(Ordinal(coef, start.thresholds))
    return found


def _thin(x: Floats) -> tuple[Floats, Floats | None]:
    """x [n, m] itself, or for m > n (x @ backᵀ [n, n], back [n, m]), back having orthonormal rows."""
    if x.shape[1] <= x.shape[0]:
        return x, None
    left, singular, back = np.linalg.svd(x, full_matrices=False)
    return left * singular, back


def _focus(x: Floats, y: NDArray[np.int64], weight: Floats, power: float) -> Floats:
    """Column scales whose squares add up to ``TOTAL``, so that a penalty means the same for few columns and many."""
    if power == 0:
        return np.full(x.shape[1], np.sqrt(TOTAL / x.shape[1]))
    share = weight / weight.sum()
    x_centred, y_centred = x - share @ x, y - share @ y
    spread = np.sqrt((share @ x_centred**2) * (share @ y_centred**2))
    return scales(np.abs((share * y_centred) @ x_centred) / np.maximum(spread, 1e-9), len(y), power)


def scales(correlation: Floats, rows: int, power: float) -> Floats:
    """From |correlation with the level| [m] over so many rows to the scales of columns."""
    # Half a standard error of a correlation keeps columns in play that only chance made look useless.
    scale = (correlation + 0.5 / np.sqrt(rows)) ** power
    return np.asarray(scale * np.sqrt(TOTAL / (scale**2).sum()))
