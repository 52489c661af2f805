"""Scores as arrays, as a ranking, and summed up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Avg, Count, F, Q, QuerySet, StdDev
from numpy.typing import NDArray

from annotator.campaigns.checklists import checklist_of
from annotator.rewards.models import RewardModel, Score
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
    """The scores of a version with their items, best first."""
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
    """(counts int64 [bins], edges float64 [bins + 1]) of the rewards; empty arrays where there are none."""
    rewards = np.fromiter(scores.order_by().values_list("reward", flat=True).iterator(chunk_size=20_000), np.float64)
    if not len(rewards):
        return np.zeros(0, np.int64), np.zeros(0)
    counts, edges = np.histogram(rewards, bins=bins)
    return counts.astype(np.int64), edges


@dataclass(frozen=True)
class Place:
    """Where a score stands among its version's: ``better_than`` is the share of the others in 0..1 (None where there
    are none), ``rank`` among ``of`` counts the items of its prompt."""

    better_than: float | None
    rank: int
    of: int


def place(score: Score) -> Place:
    lower = Q(reward__lt=score.reward)
    counts = Score.objects.filter(reward_model=score.reward_model_id).aggregate(
        all=Count("pk"),
        lower=Count("pk", filter=lower),
        of=Count("pk", filter=Q(item__prompt=score.item.prompt_id)),
        above=Count("pk", filter=Q(item__prompt=score.item.prompt_id, reward__gt=score.reward)),
    )
    others = counts["all"] - 1
    return Place(counts["lower"] / others if others else None, counts["above"] + 1, counts["of"])
