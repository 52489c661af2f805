"""Preference accuracy by dimension and by generator: where a judge earns it, and on whose work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from reward_engine.checklist import Checklist
from reward_engine.comparisons import Comparisons
from reward_engine.errors import DataError
from reward_engine.evaluation.preferences import PreferenceAccuracy, check_pairs, preference_accuracy
from reward_engine.reward import RewardResult


def by_dimension(
    checklist: Checklist,
    result: RewardResult,
    comparisons: Comparisons,
    *,
    level: Literal["dimension", "sub_dimension"] = "dimension",
) -> dict[str, PreferenceAccuracy]:
    """Measure how well each dimension alone orders the pairs.

    Each orders by its part of the reward; ``result`` is of all items [n].
    """
    if level == "dimension":
        parts, ids = result.by_dimension, [dimension.id for dimension in checklist.dimensions]
    else:
        parts, ids = result.by_sub_dimension, [sub.id for sub in checklist.ordinal]
    gaps = comparisons.differences(parts)
    return {id: preference_accuracy(gaps[:, index], comparisons.outcome) for index, id in enumerate(ids)}


@dataclass(frozen=True)
class GeneratorAgreement:
    """How people and the score rate one generator against others.

    Counts the pairs of its items with others': ``accuracy`` as everywhere; ``human_wins`` and ``score_wins``, the
    shares of strict pairs that people and the score give to this generator (None without strict pairs).
    """

    accuracy: PreferenceAccuracy
    human_wins: float | None
    score_wins: float | None


def by_generator(
    gaps: ArrayLike,
    human: ArrayLike,
    first: Sequence[str],
    second: Sequence[str],
) -> dict[str, GeneratorAgreement]:
    """Compare people and the score on each generator.

    Pairs of one generator's own items count for its accuracy and not for its wins. Keys in alphabetical order.

    Args:
        gaps: float [m], score of A minus score of B.
        human: int [m], +1 A is better, 0 tie, −1 B is better.
        first: Who made A of each of the m pairs.
        second: Who made B.

    Raises:
        DataError: Shapes or values do not fit.
    """
    gap, truth = check_pairs(gaps, human)
    a, b = np.asarray(first, dtype=object), np.asarray(second, dtype=object)
    if a.shape != gap.shape or b.shape != gap.shape:
        raise DataError(f"There are {len(gap)} pairs, and {len(a)} and {len(b)} generators.", code="shape")
    found = {}
    for name in sorted({str(x) for x in a} | {str(x) for x in b}):
        is_a, is_b = a == name, b == name
        mine = is_a | is_b
        against = (is_a ^ is_b) & (truth != 0)
        side = np.where(is_a, 1, -1)[against]
        found[name] = GeneratorAgreement(
            preference_accuracy(gap[mine], truth[mine]),
            float((truth[against] == side).mean()) if against.any() else None,
            float((np.sign(gap[against]) == side).mean()) if against.any() else None,
        )
    return found
