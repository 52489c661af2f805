"""Weights from preferences: the whole recipe, and what it has to say about itself.

As in VisionReward (arXiv 2412.21059): logistic regression on differences of masked answers, with no negative
weight. Beyond it: ties are used instead of thrown away, the penalty is chosen on held-out prompts, and every
weight has an interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.checklist import Checklist
from reward_engine.comparisons import Comparisons
from reward_engine.errors import DataError
from reward_engine.evaluation.preferences import preference_accuracy
from reward_engine.groups import resampled_weights
from reward_engine.preferences.bradley_terry import BradleyTerry, fit_bradley_terry
from reward_engine.preferences.selection import PENALTIES, PenaltyScore, select_penalty
from reward_engine.weights import Weights, equal_weights

ZERO = 1e-6
PAIRS_A_QUESTION = 10
FEW_PROMPTS = 30


@dataclass(frozen=True)
class HeldOut:
    """How a fit does on prompts it has not seen.

    ``log_loss`` nats a pair, beside what one gets from the shares of the outcomes; ``diff`` and ``tau`` as in
    :func:`reward_engine.evaluation.preference_accuracy`, beside those of equal weights.

    The penalty was chosen on the same pairs, so that the loss is a little flattered.
    """

    log_loss: float
    baseline_log_loss: float
    diff: float | None
    tau: float | None
    equal_diff: float | None
    equal_tau: float | None


@dataclass(frozen=True)
class PreferenceFit:
    """Fitted ``weights`` (in log odds) and what is known of them.

    Arrays [q] on the axis ``checklist.questions``.

    ``low``, ``high``: 95 % percentile intervals over resamples of prompts; ``kept``: the share of resamples that gave
    the question a weight above 0. All three are NaN without resamples. ``dropped``: question → why it was left out;
    ``zero``: questions that took part and got nothing, because they help no further or would have come out negative.
    ``tie``: log-weight of ties (Davidson's ν = e^tie).
    """

    weights: Weights
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    kept: NDArray[np.float64]
    tie: float | None
    penalty: PenaltyScore
    tried: tuple[PenaltyScore, ...]
    held_out: HeldOut
    dropped: dict[str, str]
    zero: tuple[str, ...]
    n_pairs: int
    n_ties: int
    n_prompts: int
    warnings: tuple[str, ...]

    def to_json(self, checklist: Checklist) -> dict[str, Any]:
        """Plain data: the weights as :meth:`Weights.to_json` has them, and the report."""
        rows = zip(checklist.questions, self.low, self.high, self.kept, strict=True)
        return {
            "weights": self.weights.to_json(checklist),
            "intervals": {
                question.id: None if np.isnan(low) else {"low": float(low), "high": float(high), "kept": float(kept)}
                for question, low, high, kept in rows
            },
            "tie": self.tie,
            "penalty": asdict(self.penalty),
            "tried": [asdict(score) for score in self.tried],
            "held_out": asdict(self.held_out),
            "dropped": dict(self.dropped),
            "zero": list(self.zero),
            "n_pairs": self.n_pairs,
            "n_ties": self.n_ties,
            "n_prompts": self.n_prompts,
            "warnings": list(self.warnings),
        }


def fit_weights(
    checklist: Checklist,
    values: ArrayLike,
    comparisons: Comparisons,
    *,
    l1_shares: Sequence[float] = (0.0, 1.0),
    penalties: Sequence[float] = PENALTIES,
    folds: int = 5,
    resamples: int = 200,
    seed: int = 0,
) -> PreferenceFit:
    """Fit weights ≥ 0 to comparisons of items.

    The items' signed values [n, q] lie in [−1, 1].

    Args:
        values: Hard answers or :func:`reward_engine.reward.soft_values`; what is masked is 0 there, and questions that
            only ask whether something is present are left out, as published.
        l1_shares: 0 is pure L2, 1 pure L1; all are tried with all ``penalties``.

    Raises:
        DataError: If nothing can be learned.
    """
    array = _check_values(checklist, values)
    _check_options(comparisons, l1_shares, penalties, folds, resamples)
    differences = comparisons.differences(array)
    outcome, prompts = comparisons.outcome, comparisons.prompts
    dropped = _dropped(checklist, differences)
    used = np.array([question.id not in dropped for question in checklist.questions], dtype=bool)
    if not used.any():
        raise DataError("No question differs between the items of any pair, so that no weight can be learned.")
    x = np.ascontiguousarray(differences[:, used])
    selection = select_penalty(x, outcome, prompts, l1_shares=l1_shares, penalties=penalties, folds=folds, seed=seed)
    best = selection.best
    found = fit_bradley_terry(x, outcome, l1=best.l1, l2=best.l2)
    coef = np.zeros(len(checklist.questions))
    coef[used] = np.where(found.coef > ZERO, found.coef, 0.0)
    low, high, kept = _intervals(x, comparisons, best, found, used, resamples, seed)
    zero = tuple(question.id for question, u, w in zip(checklist.questions, used, coef, strict=True) if u and w == 0)
    held_out = _held_out(selection.gaps, selection.losses, differences @ equal_weights(checklist).coef, outcome)
    n_prompts, n_ties = len(np.unique(prompts)), int((outcome == 0).sum())
    notes = (f"Fitted on {len(outcome)} pairs ({n_ties} ties) of {n_prompts} prompts.",)
    return PreferenceFit(
        weights=Weights(coef, 0.0, "fitted", notes),
        low=low,
        high=high,
        kept=kept,
        tie=found.tie,
        penalty=best,
        tried=selection.scores,
        held_out=held_out,
        dropped=dropped,
        zero=zero,
        n_pairs=len(outcome),
        n_ties=n_ties,
        n_prompts=n_prompts,
        warnings=_warnings(len(outcome), n_ties, n_prompts, int(used.sum()), coef, best, penalties, held_out),
    )


def _check_values(checklist: Checklist, values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != len(checklist.questions):
        raise DataError(
            f"Values must have the shape [n, {len(checklist.questions)}] for “{checklist.name}”; "
            f"this array has {array.shape}.",
            code="shape",
        )
    bad = ~(np.abs(array) <= 1.0)  # catches NaN as well
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise DataError(
            f"Row {row}, “{checklist.questions[column].id}”: {array[row, column]} is outside [−1, 1].", code="range"
        )
    return array


def _check_options(
    comparisons: Comparisons, l1_shares: Sequence[float], penalties: Sequence[float], folds: int, resamples: int
) -> None:
    if not l1_shares or not all(0.0 <= share <= 1.0 for share in l1_shares):
        raise DataError("The shares of L1 lie between 0 and 1, and at least one is needed.", code="options")
    if not penalties or not all(0.0 < strength < np.inf for strength in penalties):
        raise DataError("The penalties are above 0, and at least one is needed.", code="options")
    if folds < 2 or resamples < 0:
        raise DataError("At least two folds are needed, and no negative number of resamples.", code="options")
    if not (comparisons.outcome != 0).any():
        raise DataError("There is no pair in which one item was preferred. Collect preferences first.", code="no_pairs")
    if len(np.unique(comparisons.prompts)) < 2:
        raise DataError(
            "All pairs are of one prompt, so that nothing can be checked on another. Compare items of more prompts.",
            code="one_prompt",
        )


def _dropped(checklist: Checklist, differences: NDArray[np.float64]) -> dict[str, str]:
    never = np.abs(differences).max(axis=0, initial=0.0) <= 1e-12
    found = {}
    for question, presence, same in zip(checklist.questions, checklist.only_presence, never, strict=True):
        if presence:
            found[question.id] = "asks only whether there is something to judge; it masks other questions"
        elif same:
            found[question.id] = "never differs between the two items of a pair"
    return found


def _intervals(
    x: NDArray[np.float64],
    comparisons: Comparisons,
    penalty: PenaltyScore,
    start: BradleyTerry,
    used: NDArray[np.bool_],
    resamples: int,
    seed: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(low, high, share above 0) float64 [q]: whole prompts drawn anew, the penalty as chosen."""
    low, high, kept = (np.full(len(used), np.nan if resamples == 0 else 0.0) for _ in range(3))
    if resamples == 0:
        return low, high, kept
    prompts = np.unique(comparisons.prompts, return_inverse=True)[1]
    drawn = resampled_weights(int(prompts.max()) + 1, resamples, seed)
    coefs = np.empty((resamples, x.shape[1]))
    for index, counts in enumerate(drawn):
        coefs[index] = fit_bradley_terry(
            x,
            comparisons.outcome,
            l1=penalty.l1,
            l2=penalty.l2,
            pair_weights=counts[prompts],
            start=start,
            tolerance=1e-6,  # far finer than what resampling tells apart
        ).coef
    coefs[coefs <= ZERO] = 0.0
    low[used], high[used] = np.quantile(coefs, [0.025, 0.975], axis=0)
    kept[used] = (coefs > 0).mean(axis=0)
    return low, high, kept


def _held_out(
    gaps: NDArray[np.float64], losses: NDArray[np.float64], equal: NDArray[np.float64], outcome: NDArray[np.int8]
) -> HeldOut:
    shares = np.bincount(outcome.astype(np.int64) + 1, minlength=3) / len(outcome)
    shares[[0, 2]] = shares[[0, 2]].mean()  # who stands first says nothing
    fitted, plain = preference_accuracy(gaps, outcome), preference_accuracy(equal, outcome)
    baseline = -np.log(shares[outcome.astype(np.int64) + 1]).mean()
    return HeldOut(float(losses.mean()), float(baseline), fitted.diff, fitted.tau, plain.diff, plain.tau)


def _warnings(
    pairs: int,
    ties: int,
    prompts: int,
    used: int,
    coef: NDArray[np.float64],
    best: PenaltyScore,
    penalties: Sequence[float],
    held_out: HeldOut,
) -> tuple[str, ...]:
    found = []
    strict, wanted = pairs - ties, PAIRS_A_QUESTION * used
    if strict < wanted:
        found.append(
            f"There are {strict} pairs with a preference for {used} questions; about {wanted} "
            f"({PAIRS_A_QUESTION} a question) are needed before the weights can be trusted one by one."
        )
    if prompts < FEW_PROMPTS:
        found.append(f"The pairs come from {prompts} prompts only; the intervals may be too narrow.")
    if ties > pairs / 2:
        found.append(f"{ties} of {pairs} pairs are ties: people see little difference between the items compared.")
    if not coef.any():
        found.append("No question got a weight: these preferences do not follow the answers.")
    strength = best.l1 + best.l2
    if np.isclose(strength, max(penalties)):
        found.append("The strongest penalty predicted best: the answers tell little about these preferences.")
    elif np.isclose(strength, min(penalties)) and len(penalties) > 1:
        found.append("The weakest penalty predicted best; a still weaker one might predict better.")
    if held_out.log_loss >= held_out.baseline_log_loss:
        found.append("On prompts held out, the weights predict no better than the shares of the outcomes do.")
    if held_out.diff is not None and held_out.equal_diff is not None and held_out.diff < held_out.equal_diff:
        found.append(
            f"On prompts held out, equal weights order {held_out.equal_diff:.1%} of the pairs like people, "
            f"and the fitted ones {held_out.diff:.1%}. Keep equal weights for now."
        )
    return tuple(found)
