"""Proportional odds with a ridge penalty: one direction, ascending thresholds, fitted by L-BFGS.

P(y ≥ k | x) = σ(w·x − θ_k), θ_1 < … < θ_K (McCullagh 1980). Each level also counts as seen ``PRIOR`` times
at x = 0, so that a level nobody gave keeps a small probability and thresholds stay finite.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from reward_engine.judges.heads import sigmoid

Floats = NDArray[np.float64]

PRIOR = 0.5
MAX_LOG_GAP = 5.0


@dataclass(frozen=True)
class Ordinal:
    """``coef`` float64 [m], ``thresholds`` float64 [K] ascending."""

    coef: Floats
    thresholds: Floats

    def log_loss(self, x: Floats, y: NDArray[np.int64]) -> Floats:
        """−log P(y | x) float64 [n]."""
        return -_log_probabilities(x @ self.coef, self.thresholds, y)


def rates(y: NDArray[np.int64], steps: int, weight: Floats, width: int) -> Ordinal:
    """The smoothed shares of the levels, whatever x: what is known without looking."""
    counts = np.bincount(y, weights=weight, minlength=steps + 1).astype(np.float64) + PRIOR
    above = 1.0 - np.cumsum(counts)[:-1] / counts.sum()
    return Ordinal(np.zeros(width), np.log1p(-above) - np.log(above))


def fit_ordinal(
    x: Floats,
    y: NDArray[np.int64],
    steps: int,
    weight: Floats,
    penalty: float,
    *,
    start: Ordinal | None = None,
    tolerance: float = 1e-9,
) -> Ordinal:
    """Fit y in 0..steps on x [n, m]; ``weight`` [n] of the rows; the penalty is ``penalty``/2 · |w|².

    ``start``: a fit at a neighbouring penalty, which saves most of the way.
    """
    width = x.shape[1]
    start = start if start is not None else rates(y, steps, weight, width)
    padded = np.vstack([x, np.zeros((steps + 1, width))])
    levels = np.concatenate([y, np.arange(steps + 1)])
    weights = np.concatenate([weight, np.full(steps + 1, PRIOR)])

    def loss(parameters: Floats) -> tuple[float, Floats]:
        coef, first, log_gaps = parameters[:width], parameters[width : width + 1], parameters[width + 1 :]
        gaps = np.exp(log_gaps)
        thresholds = first + np.concatenate([[0.0], np.cumsum(gaps)])
        scores = padded @ coef
        value = -(weights * _log_probabilities(scores, thresholds, levels)).sum() + 0.5 * penalty * coef @ coef
        by_score, by_threshold = _gradients(scores, thresholds, levels, weights)
        tail = np.cumsum(by_threshold[::-1])[::-1]  # a gap moves every threshold above it
        gradient = np.concatenate([penalty * coef - by_score @ padded, -tail[:1], -tail[1:] * gaps])
        return float(value), gradient

    initial = np.concatenate([start.coef, start.thresholds[:1], np.log(np.maximum(np.diff(start.thresholds), 1e-3))])
    bounds = [(None, None)] * (width + 1) + [(-MAX_LOG_GAP, MAX_LOG_GAP)] * (steps - 1)
    options = {"maxiter": 300, "ftol": tolerance, "gtol": 1e-5}
    found: Any = minimize(loss, initial, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    solution: Floats = found.x
    gaps = np.exp(solution[width + 1 :])
    return Ordinal(solution[:width].copy(), solution[width] + np.concatenate([[0.0], np.cumsum(gaps)]))


def _log_probabilities(scores: Floats, thresholds: Floats, y: NDArray[np.int64]) -> Floats:
    """log P(y) = log(σ(a) − σ(b)) = log σ(a) + log σ(−b) + log(1 − e^(b−a)); a, b: score minus the edges of y."""
    edges = np.concatenate([[-np.inf], thresholds, [np.inf]])
    a, b = scores - edges[y], scores - edges[y + 1]
    with np.errstate(divide="ignore"):
        between = np.log(-np.expm1(-np.diff(edges)))[y]
    return np.asarray(-np.logaddexp(0.0, -a) - np.logaddexp(0.0, b) + between)


def _gradients(scores: Floats, thresholds: Floats, y: NDArray[np.int64], weights: Floats) -> tuple[Floats, Floats]:
    """Of Σ weight · log P(y): by score [n], by threshold [K]."""
    edges = np.concatenate([[-np.inf], thresholds, [np.inf]])
    above = sigmoid(-(scores - edges[y]))  # 1 − σ(a)
    below = sigmoid(scores - edges[y + 1])  # σ(b)
    apart = (1.0 / np.expm1(np.maximum(np.diff(edges), 1e-12)))[y]
    lower = np.bincount(y, weights=-weights * (above + apart), minlength=len(edges) - 1)
    upper = np.bincount(y, weights=weights * (below + apart), minlength=len(edges) - 1)
    return weights * (above - below), np.asarray(lower[1:] + upper[:-1], dtype=np.float64)
