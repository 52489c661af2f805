"""What scores of left-out prompts are worth: how well they tell levels, and how well they order a prompt's items.

Both parts are log-likelihoods in nats beyond what is known without looking: of the levels, by one slope and the
thresholds of a ladder along the score (proportional odds); of the pairs within a prompt, by one slope (Bradley–Terry).
A prompt of n items has n (n − 1) / 2 pairs and not more than n − 1 independent things to say of their order, so a
pair counts 2 / n. A score that points the wrong way is worth nothing: no slope is below 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reward_engine.training.ordinal import Ordinal, fit_ordinal, rates

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

SLOPE_PENALTY = 1.0
STEPS = 25


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows of one prompt with different levels.

    ``better`` and ``worse`` [m]: positions; ``weight`` [m].
    """

    better: Whole
    worse: Whole
    weight: Floats


def pairs_of(y: Whole, group: Whole, weight: Floats) -> Pairs:
    """List pairs of rows of one prompt that people put on different levels."""
    better, worse, counts = [], [], []
    for rows in np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1]):
        if len(rows) < 2:
            continue
        a, b = np.nonzero(y[rows][:, None] > y[rows][None, :])
        better.append(rows[a])
        worse.append(rows[b])
        counts.append(np.sqrt(weight[rows[a]] * weight[rows[b]]) * 2.0 / len(rows))
    none = np.zeros(0, dtype=np.int64)
    if not better:
        return Pairs(none, none, np.zeros(0))
    return Pairs(np.concatenate(better), np.concatenate(worse), np.concatenate(counts))


@dataclass(frozen=True)
class Worth:
    """``by_row`` [n]: nats beyond the shares of the levels. ``along``: the ladder's fit along the score, one column.
    ``ordered``: the share of pairs within a prompt that the score orders like people; None without a pair."""

    by_row: Floats
    along: Ordinal
    ordered: float | None

    @property
    def total(self) -> float:
        return float(self.by_row.sum())


def worth(scores: Floats, y: Whole, steps: int, weight: Floats, without: Floats, pairs: Pairs) -> Worth:
    """Measure what scores tell of levels and of their order.

    Each of the scores [n] was given without seeing the row's prompt.

    Args:
        without: [n], nats lost without looking.
    """
    along = fit_ordinal(scores[:, None], y, steps, weight, SLOPE_PENALTY, tolerance=1e-5)
    if not along.coef[0] > 0:
        return Worth(np.zeros(len(y)), rates(y, steps, weight, 1), ordered_share(scores, pairs))
    by_row = weight * (without - along.log_loss(scores[:, None], y))
    gaps = scores[pairs.better] - scores[pairs.worse]
    gained = pairs.weight * _pair_gains(gaps, pairs.weight)
    np.add.at(by_row, pairs.better, gained)
    return Worth(by_row, along, ordered_share(scores, pairs))


def ordered_share(scores: Floats, pairs: Pairs) -> float | None:
    """Measure the share of pairs in people's order.

    Equal scores are half right.
    """
    if not len(pairs.better):
        return None
    gaps = scores[pairs.better] - scores[pairs.worse]
    return float(((gaps > 0) + 0.5 * (gaps == 0)).mean())


def _pair_gains(gaps: Floats, weight: Floats) -> Floats:
    """log σ(β gap) − log ½ of each pair, β ≥ 0 by Newton's method under a small penalty."""
    if not len(gaps):
        return np.zeros(0)
    slope = 0.0
    for _ in range(STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(slope * gaps, -30, 30)))
        rise = float((weight * gaps) @ (1.0 - p)) - SLOPE_PENALTY * slope
        bend = float((weight * gaps**2) @ (p * (1.0 - p))) + SLOPE_PENALTY
        step = rise / bend
        slope = max(0.0, slope + step)
        if abs(step) < 1e-6 * max(1.0, slope):
            break
    return np.asarray(np.log(2.0) - np.logaddexp(0.0, -slope * gaps))
