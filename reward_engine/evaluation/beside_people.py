"""A judge beside the human ceiling: every figure of one ladder or question with its interval over prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.answers import ABSENT
from reward_engine.evaluation import tables_of_counts as tables
from reward_engine.evaluation.bootstrap import Interval, interval, ratio
from reward_engine.evaluation.resamples import Floats, Resamples
from reward_engine.evaluation.weighted_ranks import spearman_interval

FIGURES = ("accuracy", "balanced_accuracy", "kappa", "f1", "spearman", "bias", "ceiling", "alpha", "gap")


@dataclass(frozen=True)
class BesidePeople:
    """A judge with the consensus, and people with each other.

    Both on the same items.

    ``n``: items with both levels; ``n_pairs``: pairs of judgments of one item by two people. ``figures``: None where
    one cannot be said. ``accuracy`` and ``balanced_accuracy`` 0..1; ``kappa`` quadratic-weighted; ``f1`` of the rarer
    answer, questions only; ``spearman``, levels only; ``bias``: mean expected minus mean human level, or for questions
    the share of yes of the judge minus people's; ``ceiling``: pairwise kappa of people; ``alpha``: Krippendorff's;
    ``gap``: ceiling minus kappa. ``confusion`` int64 [k, k]: items by people's level (rows) and the judge's.
    ``drawn``: kappa and ceiling of each resample, float64 [2, times].
    """

    n: int
    n_pairs: int
    figures: dict[str, Interval | None]
    confusion: NDArray[np.int64]
    drawn: Floats


def beside_people(
    values: Sequence[int],
    said: ArrayLike,
    expected: ArrayLike,
    human: ArrayLike,
    judgments: ArrayLike,
    resamples: Resamples,
    *,
    is_question: bool = False,
) -> BesidePeople:
    """Measure a judge and people on one ladder.

    A question is a ladder of no (0) and yes (1).

    Args:
        values: The k levels of the ladder, ascending.
        said: int [n], the judge's level; ABSENT where there is none.
        expected: float [n], the judge's mean level.
        human: int [n], the consensus; ABSENT where there is none.
        judgments: int [people, n], ABSENT where somebody said nothing.
        resamples: Of the prompts of these n items.
    """
    levels = np.asarray(values, dtype=np.float64)
    k = len(levels)
    judge, truth = _places(said, values), _places(human, values)
    both = (judge >= 0) & (truth >= 0)
    cells = np.where(both, truth * k + judge, -1)
    mean = levels[judge] if is_question else np.asarray(expected, dtype=np.float64)
    apart = np.where(both, mean - levels[truth], 0.0)
    pairs, coincidences = _pairs(np.asarray(judgments), values)
    one = np.where(both, 0, -1)
    columns = [
        resamples.of_prompts(cells, k * k),
        *(_by_prompt(table, resamples) for table in (pairs, coincidences)),
        resamples.of_prompts(one, 1, apart),
    ]
    of_prompts = np.concatenate(columns, axis=1)
    whole, drawn = of_prompts.sum(axis=0, keepdims=True), resamples.sums(of_prompts)
    confusion = whole[0, : k * k].reshape(k, k)
    rarer = int(np.argmin(confusion.sum(axis=1)))
    all_of, all_drawn = (_figures(sums, levels, rarer if is_question else None) for sums in (whole, drawn))
    found = {name: interval(float(all_of[name][0]), all_drawn[name]) for name in all_of}
    found["spearman"] = None if is_question else spearman_interval(mean, truth, both, resamples)
    return BesidePeople(
        n=int(both.sum()),
        n_pairs=int(pairs.sum()) // 2,
        figures={name: found.get(name) for name in FIGURES},
        confusion=confusion.astype(np.int64),
        drawn=np.stack([all_drawn["kappa"], all_drawn["ceiling"]]),
    )


def mean_beside_people(parts: Sequence[BesidePeople]) -> dict[str, Interval | None]:
    """Average kappa, ceiling and gap over ladders of the same resamples.

    Those without kappa or ceiling are left out.
    """
    known = [part for part in parts if part.figures["kappa"] and part.figures["ceiling"]]
    if not known:
        return dict.fromkeys(("kappa", "ceiling", "gap"))
    values = [float(np.mean([_value(part, name) for part in known])) for name in ("kappa", "ceiling")]
    drawn = np.mean([part.drawn for part in known], axis=0)
    return {
        "kappa": interval(values[0], drawn[0]),
        "ceiling": interval(values[1], drawn[1]),
        "gap": interval(values[1] - values[0], drawn[1] - drawn[0]),
    }


def _value(part: BesidePeople, name: str) -> float:
    figure = part.figures[name]
    return figure.value if figure else float("nan")


def _places(levels: ArrayLike, values: Sequence[int]) -> NDArray[np.int64]:
    """The place of each level on the ladder, −1 where it is ABSENT."""
    array = np.asarray(levels, dtype=np.int64)
    return np.where(array == ABSENT, -1, np.searchsorted(np.asarray(values), array))


def _pairs(judgments: NDArray[np.int64], values: Sequence[int]) -> tuple[Floats, Floats]:
    """Ordered pairs of judgments of each item by level, [n, k²], as they are and divided by (judgments − 1)."""
    counts = np.stack([(judgments == value).sum(axis=0) for value in values], axis=1).astype(np.float64)
    pairs = counts[:, :, None] * counts[:, None, :]
    at = np.arange(counts.shape[1])
    pairs[:, at, at] -= counts
    flat = pairs.reshape(len(counts), -1)
    judged = counts.sum(axis=1, keepdims=True)
    return flat, flat / np.maximum(judged - 1, 1)


def _by_prompt(of_items: Floats, resamples: Resamples) -> Floats:
    """Sums over the items of each prompt, [groups, c] of [n, c]."""
    columns = [np.bincount(resamples.group, column, resamples.groups) for column in of_items.T]
    return np.stack(columns, axis=1)


def _figures(sums: Floats, levels: Floats, rarer: int | None) -> dict[str, Floats]:
    """The figures [m] of sums [m, 3 k² + 1]."""
    k = len(levels)
    counts, pairs, coincidences = (sums[:, start : start + k * k].reshape(-1, k, k) for start in (0, k * k, 2 * k * k))
    found = {
        "accuracy": tables.accuracy(counts),
        "balanced_accuracy": tables.balanced_accuracy(counts),
        "kappa": tables.kappa(counts, levels),
        "bias": ratio(sums[:, -1], counts.sum(axis=(1, 2))),
        "ceiling": tables.kappa(pairs, levels),
        "alpha": tables.alpha(coincidences),
    }
    if rarer is not None:
        found["f1"] = tables.f1_of_rarer(counts, rarer)
    return {**found, "gap": found["ceiling"] - found["kappa"]}
