"""Scores as arrays, as a ranking, and summed up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from django.contrib.postgres.aggregates import ArrayAgg
from django.contrib.postgres.fields import ArrayField
from django.db.models import Avg, Count, F, FloatField, Func, IntegerField, Max, Min, Q, QuerySet, StdDev, Value
from django.http import QueryDict
from numpy.typing import NDArray

from annotator.campaigns.checklists import checklist_of
from annotator.core import figures
from annotator.core.counted_pages import narrowing
from annotator.rewards.models import RewardModel, Score
from annotator.rewards.queries.counts import scores_by_model
from reward_engine.checklist import Checklist


@dataclass(frozen=True)
class ScoreTable:
    """All scores of one version, by ascending item.

    ``items``, ``prompts``: int64 [n]. ``p_yes``: float64 [n, q]. ``reward``: float64 [n]. ``by_dimension``: float64
    [n, d], which with the version's intercept adds up to the reward.
    """

    reward_model: RewardModel
    checklist: Checklist
    items: NDArray[np.int64]
    prompts: NDArray[np.int64]
    p_yes: NDArray[np.float64]
    reward: NDArray[np.float64]
    by_dimension: NDArray[np.float64]


def score_table(reward_model: RewardModel) -> ScoreTable:
    """Read all scores of a version as arrays."""
    checklist = checklist_of(reward_model.checklist_version)
    rows = list(
        Score.objects.filter(reward_model=reward_model)
        .order_by("item_id")
        .values_list("item_id", "item__prompt_id", "reward", "p_yes", "by_dimension")
        .iterator(chunk_size=5000)
    )
    return ScoreTable(
        reward_model=reward_model,
        checklist=checklist,
        items=np.array([row[0] for row in rows], dtype=np.int64),
        prompts=np.array([row[1] for row in rows], dtype=np.int64),
        p_yes=np.array([row[3] for row in rows], dtype=np.float64).reshape(-1, len(checklist.questions)),
        reward=np.array([row[2] for row in rows], dtype=np.float64),
        by_dimension=np.array([row[4] for row in rows], dtype=np.float64).reshape(-1, len(checklist.dimensions)),
    )


def ranking(reward_model: RewardModel, *, worst_first: bool = False) -> QuerySet[Score]:
    """List the scores of a version with their items, best first."""
    scores = Score.objects.filter(reward_model=reward_model).select_related("item__prompt", "item__generator")
    return scores.order_by("reward", "-item_id") if worst_first else scores.order_by("-reward", "item_id")


@dataclass(frozen=True)
class GeneratorMean:
    """The rewards of one generator's items. ``error``: the standard error of the mean; None for a single item."""

    name: str
    ids: list[int]
    n: int
    mean: float
    error: float | None


def generator_means(scores: QuerySet[Score], limit: int = 12) -> list[GeneratorMean]:
    """Generators by their mean reward, best first. Versions and parameters of one name are put together."""
    rows = (
        scores.order_by()
        .values(name=F("item__generator__name"))
        .annotate(
            n=Count("pk"),
            mean=Avg("reward"),
            spread=StdDev("reward", sample=True),
            ids=ArrayAgg("item__generator_id", distinct=True),
        )
        .order_by("-mean", "name")[:limit]
    )
    return [
        GeneratorMean(
            name=row["name"],
            ids=row["ids"],
            n=row["n"],
            mean=row["mean"],
            error=None if row["spread"] is None else row["spread"] / row["n"] ** 0.5,
        )
        for row in rows
    ]


def histogram(scores: QuerySet[Score], bins: int = 32) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Count rewards in bins.

    Returns counts int64 [bins] and edges float64 [bins + 1]. Both are empty where there are no rewards.
    """
    ends = scores.order_by().aggregate(low=Min("reward"), high=Max("reward"))
    if ends["low"] is None:
        return np.zeros(0, np.int64), np.zeros(0)
    edges = np.histogram_bin_edges([], bins, (ends["low"], ends["high"]))
    counts = np.zeros(bins, np.int64)
    # The database counts; what lies on the last edge belongs to the last bin.
    bucket = Func(F("reward"), Value(edges.tolist(), output_field=ArrayField(FloatField())), function="width_bucket",
                  output_field=IntegerField())  # fmt: skip
    for number, n in scores.order_by().values_list(bucket).annotate(n=Count("pk")):
        counts[min(max(number, 1), bins) - 1] += n
    return counts, edges


@dataclass(frozen=True)
class Distribution:
    """The rewards of a version's scores, or of those a filter leaves.

    It has how many there are, in all and by generator, and their histogram.
    """

    n: int
    means: list[GeneratorMean]
    histogram: tuple[NDArray[np.int64], NDArray[np.float64]]


DISTRIBUTION = "rewards.distribution"


def distribution(reward_model: RewardModel, filters: Mapping[str, str]) -> Distribution:
    """Describe the rewards that ``ScoreFilter`` leaves.

    Where there are many, this is what a worker worked out seconds ago.
    """
    from annotator.rewards.filters import ScoreFilter

    query = narrowing(filters, ScoreFilter, but=("model", "order"))
    found: Distribution = figures.present(DISTRIBUTION, f"{reward_model.pk}?{query}")
    return found


def _make_distribution(of: str) -> Distribution:
    from annotator.rewards.filters import ScoreFilter

    model, _mark, query = of.partition("?")
    found = ScoreFilter(QueryDict(query), queryset=Score.objects.filter(reward_model=int(model))).qs
    return Distribution(found.count(), generator_means(found), histogram(found))


def register() -> None:
    """Register the distributions."""
    figures.register(DISTRIBUTION, make=_make_distribution)


@dataclass(frozen=True)
class Place:
    """Where a score stands among those of its version.

    ``better_than`` is the share of the others in 0..1 (None where there are none). ``rank`` among ``of`` counts the
    items of its prompt.
    """

    better_than: float | None
    rank: int
    of: int


def place(score: Score) -> Place:
    """Find where a score stands among those of its version."""
    scores = Score.objects.filter(reward_model=score.reward_model_id)
    counts = scores.filter(item__prompt=score.item.prompt_id).aggregate(
        of=Count("pk"), above=Count("pk", filter=Q(reward__gt=score.reward))
    )
    others = max(scores_by_model().get(score.reward_model_id, 0) - 1, 0)
    share = None
    if others:
        share = min(scores.filter(reward__lt=score.reward).count() / others, 1.0)
    return Place(share, counts["above"] + 1, counts["of"])
