"""Proportional odds with a ridge penalty: one direction, ascending thresholds.

P(y ≥ k | x) = σ(w·x − θ_k), θ_1 < … < θ_K (McCullagh 1980). Each level also counts as seen ``PRIOR`` times
at x = 0, so that a level nobody gave keeps a small probability and thresholds stay finite. The log-likelihood is
concave in (w, θ), so there is one best fit; how it is found depends on what is cheap: Newton's method for few columns,
for many L-BFGS in coordinates in which the likelihood is about round.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from reward_engine.judges.heads import sigmoid

Floats = NDArray[np.float64]

PRIOR = 0.5
MAX_LOG_GAP = 5.0

NEWTON_COLUMNS = 150
"""Up to here a Hessian costs less than the many gradients it saves."""


@dataclass(frozen=True)
class Ordinal:
    """``coef`` float64 [m], ``thresholds`` float64 [K] ascending."""

    coef: Floats
    thresholds: Floats

    def log_loss(self, x: Floats, y: NDArray[np.int64]) -> Floats:
        """Compute −log P(y | x), float64 [n]."""
        return -_log_probabilities(x @ self.coef, self.thresholds, y)


def rates(y: NDArray[np.int64], steps: int, weight: Floats, width: int) -> Ordinal:
    """Fit the smoothed shares of the levels, whatever x.

    They are what is known without looking.
    """
    counts = np.bincount(y, weights=weight, minlength=steps + 1).astype(np.float64) + PRIOR
    above = 1.0 - np.cumsum(counts)[:-1] / counts.sum()
    return Ordinal(np.zeros(width), np.log1p(-above) - np.log(above))


def fit_ordinal(
    x: NDArray[Any],
    y: NDArray[np.int64],
    steps: int,
    weight: Floats,
    penalty: float,
    *,
    start: Ordinal | None = None,
    tolerance: float = 1e-9,
    scale: Floats | None = None,
    gram: Floats | None = None,
) -> Ordinal:
    """Fit an ordinal regression of y in 0..steps on x float [n, m].

    Args:
        start: A fit at a neighboring penalty, which saves most of the way.
        scale: [m], how freely each column may be used (1); columns of scale 0 are left out.
        gram: xᵀ diag(weight) x, where the caller has it already.
    """
    task = _Task(x, y, steps, weight, penalty, np.ones(x.shape[1]) if scale is None else scale)
    start = start if start is not None else rates(y, steps, weight, x.shape[1])
    if scale is None and x.shape[1] <= NEWTON_COLUMNS:
        return _newton(task, start, tolerance)
    return _quasi_newton(task, start, tolerance, (x * weight[:, None]).T @ x if gram is None else gram)


@dataclass(frozen=True)
class _Task:
    x: NDArray[Any]
    y: NDArray[np.int64]
    steps: int
    weight: Floats
    penalty: float
    scale: Floats

    @property
    def levels(self) -> NDArray[np.int64]:
        """The levels of the rows that stand for the prior."""
        return np.arange(self.steps + 1)

    def value(self, scores: Floats, thresholds: Floats) -> float:
        """The log-likelihood, that of the prior included."""
        prior = _log_probabilities(np.zeros(self.steps + 1), thresholds, self.levels)
        return float(self.weight @ _log_probabilities(scores, thresholds, self.y) + PRIOR * prior.sum())

    def slopes(self, scores: Floats, thresholds: Floats) -> tuple[Floats, Floats]:
        """Of :meth:`value`: by score [n], by threshold [K]."""
        by_score, by_threshold = _gradients(scores, thresholds, self.y, self.weight)
        prior = np.full(self.steps + 1, PRIOR)
        return by_score, by_threshold + _gradients(np.zeros(self.steps + 1), thresholds, self.levels, prior)[1]


def _newton(task: _Task, start: Ordinal, tolerance: float) -> Ordinal:
    """Newton's method with step halving. The thresholds stay in order since the likelihood ends where two meet."""
    x, width, penalty = task.x, task.x.shape[1], task.penalty
    coef, thresholds, scores = start.coef, start.thresholds, x @ start.coef
    value = task.value(scores, thresholds) - 0.5 * penalty * float(coef @ coef)
    for _ in range(100):
        by_score, by_threshold = task.slopes(scores, thresholds)
        slope = np.concatenate([by_score @ x - penalty * coef, by_threshold])
        step = cho_solve(cho_factor(_curvature(task, scores, thresholds), overwrite_a=True, check_finite=False), slope)
        promised = float(slope @ step)
        by_step, share = x @ step[:width], 1.0
        while share > 1e-9:
            new_coef, new_thresholds = coef + share * step[:width], thresholds + share * step[width:]
            if (np.diff(new_thresholds) > 0).all():
                new_scores = scores + share * by_step
                new_value = task.value(new_scores, new_thresholds) - 0.5 * penalty * float(new_coef @ new_coef)
                if new_value >= value + 1e-4 * share * promised:
                    break
            share /= 2
        else:
            break  # as good as floating-point numbers can say
        coef, thresholds, scores, value = new_coef, new_thresholds, new_scores, new_value
        if promised <= tolerance * max(abs(value), 1.0):
            break
    return Ordinal(coef, thresholds)


def _curvature(task: _Task, scores: Floats, thresholds: Floats) -> Floats:
    """Minus the Hessian of the penalized log-likelihood float64 [m + K, m + K]."""
    x, y, width, steps = task.x, task.y, task.x.shape[1], task.steps
    edges = np.concatenate([[-np.inf], thresholds, [np.inf]])
    above, below = sigmoid(scores - edges[y]), sigmoid(scores - edges[y + 1])
    at_lower, at_upper = task.weight * above * (1 - above), task.weight * below * (1 - below)
    crossed = np.zeros((len(y), steps + 2))  # how much each edge of each row bends; the outermost edges never do
    rows = np.arange(len(y))
    crossed[rows, y] = at_lower
    crossed[rows, y + 1] += at_upper
    inner = crossed[:, 1:-1]
    gaps = np.maximum(np.diff(edges), 1e-12)
    apart = 1.0 / np.expm1(gaps)
    counts = np.bincount(y, weights=task.weight, minlength=steps + 1) + PRIOR
    bend = counts * apart * (1.0 + apart)
    prior = sigmoid(thresholds)
    found = np.empty((width + steps, width + steps))
    found[:width, :width] = (x * (at_lower + at_upper)[:, None]).T @ x
    found[np.arange(width), np.arange(width)] += task.penalty
    found[:width, width:] = -(x.T @ inner)
    found[width:, :width] = found[:width, width:].T
    corner = np.diag(inner.sum(axis=0) + 2 * PRIOR * prior * (1 - prior) + bend[:-1] + bend[1:])
    corner -= np.diag(bend[1:-1], 1) + np.diag(bend[1:-1], -1)
    found[width:, width:] = corner
    return found


def _quasi_newton(task: _Task, start: Ordinal, tolerance: float, gram: Floats) -> Ordinal:
    """L-BFGS in coordinates v with w = S Lᵀ⁻¹ v, L Lᵀ = i S gram S + penalty: i is what a row tells at w = 0."""
    used = np.flatnonzero(task.scale)
    scale, width = task.scale[used], len(used)
    plain = rates(task.y, task.steps, task.weight, 0).thresholds
    curvature = information(plain)
    rounding = curvature * scale[:, None] * gram[np.ix_(used, used)] * scale
    rounding[np.arange(width), np.arange(width)] += task.penalty
    lower = cholesky(rounding, lower=True, check_finite=False)
    unit = 1.0 / np.sqrt(curvature * (task.weight.sum() + 1.0))  # about how well thresholds are known

    def unpack(parameters: Floats) -> tuple[Floats, Floats, Floats]:
        free: Floats = solve_triangular(lower, parameters[:width], lower=True, trans="T", check_finite=False)
        gaps = np.exp(parameters[width + 1 :] * unit)
        return free, gaps, parameters[width] * unit + np.concatenate([[0.0], np.cumsum(gaps)])

    def coef_of(free: Floats) -> Floats:
        coef = np.zeros(task.x.shape[1])
        coef[used] = free * scale
        return coef

    def loss(parameters: Floats) -> tuple[float, Floats]:
        free, gaps, thresholds = unpack(parameters)
        scores = (task.x @ coef_of(free).astype(task.x.dtype)).astype(np.float64)
        value = 0.5 * task.penalty * float(free @ free) - task.value(scores, thresholds)
        by_score, by_threshold = task.slopes(scores, thresholds)
        by_coef = (by_score.astype(task.x.dtype) @ task.x)[used].astype(np.float64) * scale
        slope = solve_triangular(lower, task.penalty * free - by_coef, lower=True, check_finite=False)
        tail = np.cumsum(by_threshold[::-1])[::-1]  # a gap moves every threshold above it
        return value, np.concatenate([slope, -tail[:1] * unit, -tail[1:] * gaps * unit])

    log_gaps = np.log(np.maximum(np.diff(start.thresholds), 1e-3))
    initial = np.concatenate([lower.T @ (start.coef[used] / scale), start.thresholds[:1] / unit, log_gaps / unit])
    bounds = [(None, None)] * (width + 1) + [(-MAX_LOG_GAP / unit, MAX_LOG_GAP / unit)] * (task.steps - 1)
    options = {"maxiter": 300, "ftol": tolerance, "gtol": 1e-5}
    found: Any = minimize(loss, initial, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    free, _, thresholds = unpack(found.x)
    return Ordinal(coef_of(free), thresholds)


def information(thresholds: Floats) -> float:
    """Compute what one row tells about its score at 0.

    That is the variance of :func:`slopes_at_zero` where all have the score 0.
    """
    slopes = slopes_at_zero(thresholds)
    shares = np.diff(np.concatenate([[0.0], sigmoid(thresholds), [1.0]]))
    return float(shares @ slopes**2)


def slopes_at_zero(thresholds: Floats) -> Floats:
    """Compute ∂ log P(level) / ∂ score at the score 0, float64 [K + 1]."""
    levels = np.arange(len(thresholds) + 1)
    return _gradients(np.zeros(len(levels)), thresholds, levels, np.ones(len(levels)))[0]


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
