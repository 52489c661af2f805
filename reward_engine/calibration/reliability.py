"""Reliability diagrams: predicted probability against how often the answer was yes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from reward_engine.checklist import Checklist
from reward_engine.errors import DataError
from reward_engine.ladders import check_probabilities

Spacing: TypeAlias = Literal["equal", "quantile"]


@dataclass(frozen=True)
class ReliabilityBin:
    """The ``n`` ≥ 1 answers whose P(yes) lies from ``lower`` to ``upper``.

    ``mean_p`` was predicted, ``share_yes`` came true; ``low``..``high`` is its 95 % interval (Wilson 1927).
    """

    lower: float
    upper: float
    n: int
    mean_p: float
    share_yes: float
    low: float
    high: float


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram and its summaries over ``n`` answers.

    ``ece``: expected calibration error, Σ_b n_b/n · |mean_p − share_yes| (Naeini, Cooper & Hauskrecht 2015);
    ``mce`` the largest of these gaps; ``brier`` and ``log_loss`` (nats) are means over answers. All None
    where n is 0. Empty bins are left out.
    """

    n: int
    ece: float | None
    mce: float | None
    brier: float | None
    log_loss: float | None
    bins: tuple[ReliabilityBin, ...]


def reliability(p_yes: ArrayLike, answers: ArrayLike, *, bins: int = 15, spacing: Spacing = "equal") -> Reliability:
    """Draw up the reliability diagram of P(yes).

    Args:
        answers: int of the same shape, +1 yes, −1 no, 0 left out.
        spacing: Bins of equal width, or of about equally many answers.

    Raises:
        DataError: Shapes or values do not fit.
    """
    p, truth = np.asarray(p_yes, dtype=np.float64).ravel(), np.asarray(answers).ravel()
    if p.shape != truth.shape or np.shape(p_yes) != np.shape(answers):
        raise DataError(
            f"One answer for each P(yes) is needed; the shapes are {np.shape(answers)} and {np.shape(p_yes)}.",
            code="shape",
        )
    if bins < 1:
        raise DataError(f"At least one bin is needed, not {bins}.", code="options")
    if not np.isin(truth, (-1, 0, 1)).all():
        raise DataError("Answers are −1 (no), 0 (left out) and 1 (yes).", code="not_an_answer")
    known = truth != 0
    p, yes = p[known], truth[known] > 0
    if not ((p >= 0.0) & (p <= 1.0)).all():
        raise DataError("P(yes) must lie in [0, 1] wherever there is an answer.", code="range")
    if not len(p):
        return Reliability(0, None, None, None, None, ())
    edges = np.linspace(0.0, 1.0, bins + 1) if spacing == "equal" else np.quantile(p, np.linspace(0.0, 1.0, bins + 1))
    edges = np.unique(edges)
    place = np.clip(np.searchsorted(edges, p, side="right") - 1, 0, max(len(edges) - 2, 0))
    count = np.bincount(place)
    filled = np.flatnonzero(count)
    mean_p = np.bincount(place, weights=p)[filled] / count[filled]
    share = np.bincount(place, weights=yes)[filled] / count[filled]
    low, high = wilson(share, count[filled])
    gap = np.abs(mean_p - share)
    upper = edges[1:] if len(edges) > 1 else edges
    return Reliability(
        n=len(p),
        ece=float((count[filled] * gap).sum() / len(p)),
        mce=float(gap.max()),
        brier=float(((p - yes) ** 2).mean()),
        log_loss=log_loss(p, yes),
        bins=tuple(
            ReliabilityBin(
                lower=float(edges[b]),
                upper=float(upper[b]),
                n=int(count[b]),
                mean_p=float(mean_p[i]),
                share_yes=float(share[i]),
                low=float(low[i]),
                high=float(high[i]),
            )
            for i, b in enumerate(filled)
        ),
    )


def reliability_by_sub_dimension(
    checklist: Checklist, p_yes: ArrayLike, answers: ArrayLike, *, bins: int = 10, spacing: Spacing = "equal"
) -> dict[str, Reliability]:
    """Draw up one diagram for each ordinal sub-dimension.

    Takes the answers of a ladder together; the keys stand in checklist order.
    """
    p, truth = check_probabilities(checklist, p_yes), np.asarray(answers)
    if p.shape != truth.shape:
        raise DataError(f"One answer for each P(yes) is needed; the shapes are {truth.shape} and {p.shape}.")
    columns = checklist.question_sub_dimension
    return {
        sub.id: reliability(p[:, columns == index], truth[:, columns == index], bins=bins, spacing=spacing)
        for index, sub in enumerate(checklist.ordinal)
    }


def wilson(
    share: NDArray[np.float64], n: NDArray[np.int64], *, level: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the interval of a share of n ≥ 1 (Wilson 1927).

    It stays within [0, 1] and is sound for small n.
    """
    z = float(ndtri(0.5 + level / 2))
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return np.clip(middle - half, 0.0, 1.0), np.clip(middle + half, 0.0, 1.0)


def log_loss(p: NDArray[np.float64], yes: NDArray[np.bool_]) -> float:
    """Compute the mean surprise in nats.

    A certainty that was wrong counts as one in ten million.
    """
    clipped = np.clip(p, 1e-7, 1 - 1e-7)
    return float(-np.log(np.where(yes, clipped, 1 - clipped)).mean())
