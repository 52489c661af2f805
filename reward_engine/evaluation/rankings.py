"""Published protocols on human rankings and mean opinion scores: preference accuracy, tau, and rank correlation."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from reward_engine.comparisons import comparisons_from_rankings
from reward_engine.evaluation.bootstrap import Interval
from reward_engine.evaluation.preferences import preference_accuracy, preference_intervals
from reward_engine.evaluation.ranking import rank_correlation, rank_intervals


@dataclass(frozen=True)
class RankingReport:
    """How scores agree with rankings with ties.

    ``without_ties``: the share of ordered pairs in people's order (as ImageReward counts); ``with_ties``: of all pairs,
    gaps up to the best threshold being ties (Deutsch, Foster & Freitag 2023); ``kendall``, ``spearman`` over all items
    with a rank or a score of their own.
    """

    prompts: int
    pairs: int
    ties: int
    without_ties: Interval | None
    with_ties: Interval | None
    kendall: Interval | None
    spearman: Interval | None

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def ranking_report(
    scores: ArrayLike, ranks: ArrayLike, prompts: ArrayLike, *, times: int = 500, seed: int = 0
) -> RankingReport:
    """Compare scores with people's rankings.

    ``scores`` float [n], higher is better; ``ranks`` float [n], 1 is best, equal ranks are ties; ``prompts`` [n].
    """
    score, rank = np.asarray(scores, dtype=np.float64), np.asarray(ranks, dtype=np.float64)
    pairs = comparisons_from_rankings(rank, prompts)
    gaps = pairs.differences(score)
    found = preference_accuracy(gaps, pairs.outcome)
    around = preference_intervals(gaps, pairs.outcome, pairs.prompts, times=times, seed=seed)
    correlations = rank_intervals(score, -rank, prompts, times=min(times, 100), seed=seed)
    return RankingReport(
        prompts=len(np.unique(pairs.prompts)),
        pairs=found.n,
        ties=found.n - found.n_strict,
        without_ties=around.diff,
        with_ties=around.tau,
        kendall=correlations["kendall"],
        spearman=correlations["spearman"],
    )


def opinion_report(
    scores: ArrayLike, opinions: ArrayLike, prompts: ArrayLike, *, times: int = 100, seed: int = 0
) -> dict[str, Any]:
    """Compare scores with mean opinion scores [n].

    Gives Kendall's tau and Spearman's rho, with intervals over prompts.
    """
    found = rank_correlation(scores, opinions)
    around = rank_intervals(scores, opinions, prompts, times=times, seed=seed)
    return {"n": found.n, **{name: None if one is None else asdict(one) for name, one in around.items()}}
