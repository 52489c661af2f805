"""What held-out prompts say about a judge beyond the engine's own measures: order, people's own agreement, known truth.

The known truth is that of items made by a known change (a photograph blurred by a known amount): the item says it
under ``extra["truth"]`` as ``{sub-dimension: level}``. It is compared with, and never trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.library.models import Item
from reward_engine.answers import ABSENT
from reward_engine.checklist import Checklist
from reward_engine.evaluation import expected_levels, level_agreement, most_likely_levels

FEWEST_FOR_CORRELATION = 4


def add_order_and_people(
    metrics: dict[str, Any],
    checklist: Checklist,
    p_yes: NDArray[Any],
    levels: NDArray[np.int8],
    support: NDArray[np.int32],
    agreement: NDArray[np.float64],
) -> None:
    """Adds to each sub-dimension of the engine's ``metrics``: ``correlation``, Spearman's rank correlation of the
    expected level with the consensus; ``people``, the mean share of people who agree with their own consensus on
    items with two or more judgments. None where it cannot be said. All arrays: the held-out rows."""
    expected = expected_levels(checklist, p_yes)
    for column, sub in enumerate(checklist.ordinal):
        several = (support[:, column] >= 2) & ~np.isnan(agreement[:, column])
        entry = metrics["sub_dimensions"][sub.id]
        entry["correlation"] = correlation(expected[:, column], levels[:, column])
        entry["people"] = float(agreement[several, column].mean()) if several.any() else None
    known = [entry["correlation"] for entry in metrics["sub_dimensions"].values() if entry["correlation"] is not None]
    metrics["overall"]["correlation"] = float(np.mean(known)) if known else None


def correlation(expected: NDArray[np.float64], levels: NDArray[np.int8]) -> float | None:
    """Spearman's rank correlation over the rows with a level, or None where there are few or all are alike."""
    judged = levels != ABSENT
    a, b = expected[judged], levels[judged]
    if len(a) < FEWEST_FOR_CORRELATION or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    from scipy.stats import spearmanr  # takes a second to load, which every process of the platform would pay

    return float(spearmanr(a, b).statistic)


@dataclass(frozen=True)
class TruthMeasure:
    """Held-out predictions of one sub-dimension against the known truth of ``n`` items.

    ``baseline``: the accuracy of always saying the level that is the truth most often among these very items, so
    the best that anybody could do without looking.
    """

    n: int
    accuracy: float
    baseline: float
    correlation: float | None

    @property
    def is_better(self) -> bool:
        return self.accuracy > self.baseline


def known_truth(items: NDArray[np.int64], checklist: Checklist) -> NDArray[np.int8]:
    """int8 [n, s]: the truth as the items tell it, ABSENT where they do not (or not a level of the ladder)."""
    truth = np.full((len(items), len(checklist.ordinal)), ABSENT, dtype=np.int8)
    row_of = {int(pk): row for row, pk in enumerate(items)}
    rows = Item.objects.filter(pk__in=[int(pk) for pk in items], extra__has_key="truth").values_list("pk", "extra")
    for pk, extra in rows.iterator(chunk_size=2000):
        levels = extra["truth"] if isinstance(extra["truth"], dict) else {}
        for column, sub in enumerate(checklist.ordinal):
            level = levels.get(sub.id)
            if isinstance(level, int) and level in sub.scores:
                truth[row_of[pk], column] = level
    return truth


def against_truth(checklist: Checklist, p_yes: NDArray[Any], truth: NDArray[np.int8]) -> dict[str, TruthMeasure]:
    """A measure for each sub-dimension whose truth is known of at least one item and not always the same."""
    predicted, expected = most_likely_levels(checklist, p_yes), expected_levels(checklist, p_yes)
    found = {}
    for column, sub in enumerate(checklist.ordinal):
        known = truth[:, column] != ABSENT
        values, counts = np.unique(truth[known, column], return_counts=True)
        if len(values) < 2:
            continue
        accuracy = level_agreement(predicted[:, column], truth[:, column]).accuracy
        found[sub.id] = TruthMeasure(
            n=int(known.sum()),
            accuracy=accuracy if accuracy is not None else 0.0,
            baseline=float(counts.max() / counts.sum()),
            correlation=correlation(expected[:, column], truth[:, column]),
        )
    return found
