"""How strong the penalty should be: what predicts preferences best on prompts that were held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reward_engine.groups import group_folds
from reward_engine.preferences.bradley_terry import BradleyTerry, fit_bradley_terry

PENALTIES = tuple(float(x) for x in np.logspace(0, -4, 9))
"""Strengths tried, from the strongest; they add to a mean loss a pair."""


@dataclass(frozen=True)
class PenaltyScore:
    """A penalty tried, and its held-out loss.

    The loss is in nats a pair: its mean and standard error over prompts.
    """

    l1: float
    l2: float
    log_loss: float
    standard_error: float


@dataclass(frozen=True)
class Selection:
    """All penalties tried and the best of them.

    ``scores`` of all, ``best``, and for it the held-out ``gaps`` and ``losses`` [m].
    """

    scores: tuple[PenaltyScore, ...]
    best: PenaltyScore
    gaps: NDArray[np.float64]
    losses: NDArray[np.float64]


def select_penalty(
    differences: NDArray[np.float64],
    outcome: NDArray[np.int8],
    prompts: NDArray[np.int64],
    *,
    l1_shares: Sequence[float],
    penalties: Sequence[float],
    folds: int,
    seed: int,
) -> Selection:
    """Try strengths × shares of L1 with whole prompts held out. Each path starts strong and goes on from there."""
    tried = [(share, strength) for share in l1_shares for strength in sorted(penalties, reverse=True)]
    gaps = np.zeros((len(tried), len(outcome)))
    losses = np.zeros_like(gaps)
    for held_out in group_folds(prompts, folds, seed):
        rest, unseen = differences[~held_out], differences[held_out]
        last: BradleyTerry | None = None
        for index, (share, strength) in enumerate(tried):
            begin = None if index and tried[index - 1][0] != share else last
            last = fit_bradley_terry(
                rest, outcome[~held_out], l1=share * strength, l2=(1 - share) * strength, start=begin
            )
            gaps[index, held_out] = unseen @ last.coef
            losses[index, held_out] = last.losses(gaps[index, held_out], outcome[held_out])
    scores = tuple(
        PenaltyScore(share * strength, (1 - share) * strength, float(loss.mean()), _standard_error(loss, prompts))
        for (share, strength), loss in zip(tried, losses, strict=True)
    )
    best = min(range(len(scores)), key=lambda index: scores[index].log_loss)
    return Selection(scores, scores[best], gaps[best], losses[best])


def _standard_error(losses: NDArray[np.float64], prompts: NDArray[np.int64]) -> float:
    """Of the mean over pairs, pairs of one prompt being drawn together (ratio estimator)."""
    residual = np.bincount(prompts, weights=losses - losses.mean())
    groups = len(residual)
    return float(np.sqrt(groups / max(groups - 1, 1) * (residual @ residual)) / len(losses))
