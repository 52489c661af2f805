"""Whether two numbers put items in the same order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.errors import DataError
from reward_engine.evaluation.bootstrap import Interval, of_rows

Floats: TypeAlias = NDArray[np.float64]
FEWEST = 3


@dataclass(frozen=True)
class RankCorrelation:
    """Kendall's τ-b and Spearman's ρ over ``n`` items.

    None below three items or where all are alike.
    """

    n: int
    kendall: float | None
    spearman: float | None


def rank_correlation(predicted: ArrayLike, human: ArrayLike) -> RankCorrelation:
    """Correlate two float arrays [n] by rank.

    Items that are NaN in either are left out.

    Raises:
        DataError: Shapes or values do not fit.
    """
    a, b, _ = _both(predicted, human)
    return RankCorrelation(len(a), _kendall(a, b), _spearman(a, b))


def rank_intervals(
    predicted: ArrayLike, human: ArrayLike, prompts: ArrayLike, *, times: int = 200, seed: int = 0
) -> dict[str, Interval | None]:
    """Compute intervals of ``kendall`` and ``spearman`` from resamples of prompts [n]."""
    a, b, both = _both(predicted, human)
    group = np.asarray(prompts)[both]
    return {
        "kendall": of_rows(lambda rows: _kendall(a[rows], b[rows]), group, times=times, seed=seed),
        "spearman": of_rows(lambda rows: _spearman(a[rows], b[rows]), group, times=times, seed=seed),
    }


def _both(predicted: ArrayLike, human: ArrayLike) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    a, b = np.asarray(predicted, dtype=np.float64), np.asarray(human, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise DataError(f"Two arrays [n] are needed; these have {a.shape} and {b.shape}.", code="shape")
    both = ~(np.isnan(a) | np.isnan(b))
    return a[both], b[both], both


def _has_order(a: Floats, b: Floats) -> bool:
    return len(a) >= FEWEST and bool(np.ptp(a) > 0) and bool(np.ptp(b) > 0)


def _kendall(a: Floats, b: Floats) -> float | None:
    from scipy.stats import kendalltau  # takes a second to load: only for those who ask

    return float(kendalltau(a, b).statistic) if _has_order(a, b) else None


def _spearman(a: Floats, b: Floats) -> float | None:
    from scipy.stats import spearmanr

    return float(spearmanr(a, b).statistic) if _has_order(a, b) else None
