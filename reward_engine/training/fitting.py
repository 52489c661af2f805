"""One ordinal head: which features it may look at, how strong a ridge restrains it, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_engine.groups import total_over_groups
from reward_engine.training.design import ONLY
from reward_engine.training.ordinal import NEWTON_COLUMNS, Ordinal, fit_ordinal

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
    """A fitted head and its ``kind``.

    The kind is "ordinal"; "rates" where features did not help; "constant" where all rows have one level; or "empty".
    ``gain``: nats a row that the features were worth on left-out prompts. ``chosen``: of many rows, the features and
    the restraint. ``record``: of few rows, all that was tried and what was taken (see ``training.selection``).
    """

    name: str
    kind: str
    model: Ordinal
    n: int
    prompts: int
    chosen: Candidate | None = None
    gain: float | None = None
    record: Mapping[str, Any] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        """Plain data for the manifest."""
        found: dict[str, Any] = {"kind": self.kind, "n": self.n, "prompts": self.prompts, **self.record}
        if self.chosen is not None:
            found |= {
                "features": list(self.chosen.groups),
                "focus": self.chosen.focus,
                "penalty": self.chosen.penalty,
                "gain": self.gain,
            }
        return found


def judge_gain(gains: Floats, group: NDArray[np.int64]) -> tuple[bool, float]:
    """Test whether gains are more than chance, and add them up.

    They are gains [n] of rows, in nats, and chance is judged over prompts.
    """
    gain, error = total_over_groups(gains, group)
    return gain >= max(MIN_GAIN, error), gain


def candidates_of(columns: dict[str, slice]) -> list[Candidate]:
    """List the sets of features to try.

    These are plain features; these with the first wide block (the network); everything; a short block by itself. Each
    comes even and focused.
    """
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


def path(
    x: Floats,
    y: NDArray[np.int64],
    steps: int,
    weight: Floats,
    columns: dict[str, slice],
    candidate: Candidate,
    *,
    penalties: Sequence[float] = PENALTIES,
    tolerance: float = FINE,
) -> list[Ordinal]:
    """Fit along ``penalties``, strongest first; coefficients on all columns of x."""
    used = candidate.columns(columns)
    scale = _focus(x[:, used], y, weight, candidate.focus)
    # The ridge's solution lies in the span of the rows: with more columns than rows, rotate the others away.
    scaled, back = _thin(x[:, used] * scale)
    gram = (scaled * weight[:, None]).T @ scaled if scaled.shape[1] > NEWTON_COLUMNS else None
    found = []
    start: Ordinal | None = None
    for penalty in penalties:
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
    x_centered, y_centered = x - share @ x, y - share @ y
    spread = np.sqrt((share @ x_centered**2) * (share @ y_centered**2))
    return scales(np.abs((share * y_centered) @ x_centered) / np.maximum(spread, 1e-9), len(y), power)


def scales(correlation: Floats, rows: int, power: float) -> Floats:
    """Turn correlations with the level into scales of columns.

    Takes |correlation| [m] over so many rows.
    """
    # Half a standard error of a correlation keeps columns in play that only chance made look useless.
    scale = (correlation + 0.5 / np.sqrt(rows)) ** power
    return np.asarray(scale * np.sqrt(TOTAL / (scale**2).sum()))
