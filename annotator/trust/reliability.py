"""How reliable each annotator is, and what the item's levels most likely are: Dawid & Skene (1979) over all overlaps.

A. P. Dawid and A. M. Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm",
Applied Statistics 28(1), 1979; the estimator itself is crowd-kit's. Each sub-dimension is estimated by itself,
because people who see blur well may see symmetry badly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from reward_engine.answers import ABSENT

if TYPE_CHECKING:  # pandas and crowd-kit take two seconds to load, which every process of the platform would pay
    import pandas as pd

# A full table of errors has levels² entries an annotator. With fewer answers than this many for each level,
# one number per annotator (the one-coin model) is the honest estimate.
ANSWERS_PER_LEVEL_FOR_FULL_TABLE = 12
ITERATIONS = 50
Fitted = TypeVar("Fitted")


@dataclass(frozen=True)
class Estimate:
    """What the overlapping answers say.

    Attributes:
        annotators: int64 [a], in ascending order.
        accuracy: float64 [a, s], the probability 0..1 that the annotator chooses the true level; NaN where
            they have answered nothing that somebody else answered too.
        answers: int64 [a, s], answers on items with two or more annotators.
        items: int64 [i], in ascending order.
        levels: int8 [i, s], the most likely level; ABSENT where nobody judged.
        certainty: float64 [i, s], the probability 0..1 of that level; NaN where nobody judged.
    """

    annotators: NDArray[np.int64]
    accuracy: NDArray[np.float64]
    answers: NDArray[np.int64]
    items: NDArray[np.int64]
    levels: NDArray[np.int8]
    certainty: NDArray[np.float64]


def estimate(
    items: NDArray[np.int64], annotators: NDArray[np.int64], levels: NDArray[np.int8], iterations: int = ITERATIONS
) -> Estimate:
    """Estimate reliability and levels from all submitted annotations.

    Args:
        items: int64 [n], the item of each annotation.
        annotators: int64 [n], its annotator.
        levels: int8 [n, s], its levels; ABSENT (−128) where not judged.
        iterations: at most this many steps of EM.

    Raises:
        ValueError: The arrays are of different lengths, or an annotator has two annotations of one item.
    """
    import pandas as pd

    if not len(items) == len(annotators) == len(levels):
        raise ValueError(
            f"items ({len(items)}), annotators ({len(annotators)}) and levels ({len(levels)}) must be of one length."
        )
    if len(items) and len(np.unique(np.stack([items, annotators], axis=1), axis=0)) != len(items):
        raise ValueError("An annotator has two annotations of one item; keep one of them.")
    people, things = np.unique(annotators), np.unique(items)
    count = levels.shape[1] if levels.ndim == 2 else 0
    accuracy = np.full((len(people), count), np.nan)
    answers = np.zeros((len(people), count), np.int64)
    best = np.full((len(things), count), ABSENT, np.int8)
    certainty = np.full((len(things), count), np.nan)
    for column in range(count):
        judged = levels[:, column] != ABSENT
        if not judged.any():
            continue
        frame = pd.DataFrame(
            {"task": items[judged], "worker": annotators[judged], "label": levels[judged, column].astype(np.int64)}
        )
        tasks, per_item = np.unique(items[judged], return_counts=True)
        overlapping = np.isin(items[judged], tasks[per_item > 1])
        np.add.at(answers[:, column], np.searchsorted(people, annotators[judged][overlapping]), 1)
        probabilities, skill = _fit(frame, answers[:, column].max(initial=0), iterations)
        rows = np.searchsorted(things, probabilities.index.to_numpy())
        table = probabilities.to_numpy()
        best[rows, column] = probabilities.columns.to_numpy()[table.argmax(axis=1)]
        certainty[rows, column] = table.max(axis=1)
        accuracy[np.searchsorted(people, skill.index.to_numpy()), column] = skill.to_numpy()
    accuracy[answers == 0] = np.nan
    return Estimate(people, accuracy, answers, things, best, certainty)


def _fitted(part: Fitted | None) -> Fitted:
    """What a fit has left, which crowd-kit declares as None before it."""
    if part is None:
        raise RuntimeError("the aggregation left no result")
    return part


def _fit(frame: pd.DataFrame, most_answers: int, iterations: int) -> tuple[pd.DataFrame, pd.Series]:
    """P(level) of each item, and each annotator's probability of the true level."""
    import pandas as pd
    from crowdkit.aggregation import DawidSkene, OneCoinDawidSkene

    labels = frame["label"].nunique()
    if labels == 1:
        # Everybody agrees on one level everywhere: there is nothing to estimate.
        tasks, workers = frame["task"].unique(), frame["worker"].unique()
        return pd.DataFrame(1.0, index=tasks, columns=[frame["label"].iloc[0]]), pd.Series(1.0, index=workers)
    if most_answers < ANSWERS_PER_LEVEL_FOR_FULL_TABLE * labels:
        one_coin = OneCoinDawidSkene(n_iter=iterations).fit(frame)
        return _fitted(one_coin.probas_).fillna(0.0), _fitted(one_coin.skills_)
    full = DawidSkene(n_iter=iterations).fit(frame)
    # errors_ holds P(answered label | true column) for each annotator; skill is its diagonal under the prior.
    errors = _fitted(full.errors_).fillna(0.0)
    skill = pd.Series(0.0, index=frame["worker"].unique())
    for label, prior in _fitted(full.priors_).items():
        skill = skill.add(prior * errors.xs(label, level="label")[label], fill_value=0.0)
    return _fitted(full.probas_).fillna(0.0), skill.clip(0.0, 1.0)
