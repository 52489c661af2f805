"""Bradley–Terry with ties, on differences of features, with weights that are not negative.

Davidson (1970): with d = wᵀ(x_first − x_second),

    P(first) = e^{d/2} / Z,   P(second) = e^{−d/2} / Z,   P(tie) = e^η / Z,   Z = e^{d/2} + e^{−d/2} + e^η.

A tie says that d is near 0, and η how near is near enough. Without ties η → −∞ and what is left is logistic
regression without an intercept (Bradley & Terry 1952). The loss is convex in (w, η). With w ≥ 0 the L1
penalty is linear, so that L-BFGS-B solves the penalized problem without tricks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize


@dataclass(frozen=True)
class BradleyTerry:
    """A Bradley-Terry model with ties.

    ``coef`` float64 [f] ≥ 0; ``tie`` η, None where there was no tie to learn from.
    """

    coef: NDArray[np.float64]
    tie: float | None

    def log_probabilities(self, gaps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute log P of each outcome for gaps d [m].

        Returns (second better, tie, first better), float64 [m, 3].
        """
        eta = -np.inf if self.tie is None else self.tie
        parts = np.stack([-gaps / 2, np.full(gaps.shape, eta), gaps / 2], axis=-1)
        return np.asarray(parts - np.logaddexp.reduce(parts, axis=-1, keepdims=True))

    def losses(self, gaps: NDArray[np.float64], outcome: NDArray[np.int8]) -> NDArray[np.float64]:
        """Compute −log P of what was said, nats [m].

        A tie costs a lot, not all, where none was ever seen.
        """
        found = np.take_along_axis(self.log_probabilities(gaps), outcome[:, None].astype(np.int64) + 1, axis=1)
        return np.asarray(-np.maximum(found[:, 0], np.log(1e-7)))


def fit_bradley_terry(
    differences: NDArray[np.float64],
    outcome: NDArray[np.int8],
    *,
    l1: float = 0.0,
    l2: float = 0.0,
    pair_weights: NDArray[np.float64] | None = None,
    start: BradleyTerry | None = None,
    tolerance: float = 1e-8,
) -> BradleyTerry:
    """Minimize mean loss + l1·Σw + l2/2·Σw² over w ≥ 0.

    Args:
        differences: float64 [m, f].
        outcome: int8 [m] in {−1, 0, +1}.
        pair_weights: [m] ≥ 0 (how often a pair counts).
        start: Where to begin, e.g. the solution of a neighboring problem.
    """
    m, f = differences.shape
    weight = np.ones(m) if pair_weights is None else pair_weights
    kept = weight > 0
    x, said, weight = differences[kept], outcome[kept].astype(np.float64), weight[kept] / weight.sum()
    tied = said == 0
    ties = bool(tied.any())
    signed = weight * said / 2

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        w = parameters[:f]
        half = x @ w / 2
        # log Z without overflow; e^η enters only where ties were seen
        top = np.abs(half) + np.log1p(np.exp(-2 * np.abs(half)))
        log_z = np.logaddexp(top, parameters[f]) if ties else top
        value = weight @ (log_z - said * half) + l1 * w.sum() + l2 / 2 * (w @ w)
        lead = np.tanh(half) * (np.exp(top - log_z) if ties else 1.0)  # P(first) − P(second)
        slope = x.T @ (weight * lead / 2 - signed) + l1 + l2 * w
        if not ties:
            return float(value), slope
        eta = parameters[f]
        value -= weight[tied].sum() * eta
        return float(value), np.append(slope, weight @ np.exp(eta - log_z) - weight[tied].sum())

    begin = np.zeros(f + ties)
    if start is not None:
        begin[:f] = start.coef
        begin[f:] = 0.0 if start.tie is None else start.tie
    # η is bounded so that a few pairs that are all ties, or a resample with one, do not run away.
    bounds = [(0.0, None)] * f + [(-12.0, 12.0)] * ties
    options = {"maxiter": 2000, "maxfun": 5000, "ftol": tolerance * 1e-3, "gtol": tolerance**0.75}
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return BradleyTerry(np.asarray(found.x[:f]), float(found.x[f]) if ties else None)
