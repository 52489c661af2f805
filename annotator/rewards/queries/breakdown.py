"""One item's score taken apart: dimension → sub-dimension → question, each with what it adds to the reward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from django.core.cache import cache
from django.db.models import F
from django.db.models.functions import Mod
from numpy.typing import ArrayLike, NDArray

from annotator.campaigns.checklists import checklist_of
from annotator.rewards.models import RewardModel, Score
from annotator.rewards.services.scoring import weights_of
from reward_engine.explain import NOTHING, Cost, Explanation, costs, explain
from reward_engine.ladders import applies, expected_levels, monotone, most_likely_levels
from reward_engine.reward import reward, soft_values


@dataclass(frozen=True)
class QuestionPart:
    """``p_yes``: probability of a yes where the question applies; ``applies``: probability that it does.
    ``contribution``: weight × applies × (2 · p_yes − 1)."""

    id: str
    text: str
    p_yes: float
    applies: float
    weight: float
    contribution: float


@dataclass(frozen=True)
class SubDimensionPart:
    """``expected_level`` is in ``lowest`` … ``highest``. ``most`` is the largest contribution it could ever make,
    ``lost`` what is missing to the largest that it could make for this item, where some questions may not apply."""

    id: str
    name: str
    expected_level: float
    likeliest_level: str
    lowest: int
    highest: int
    contribution: float
    most: float
    lost: float
    questions: tuple[QuestionPart, ...]


@dataclass(frozen=True)
class DimensionPart:
    """What one dimension contributes, and its sub-dimensions."""

    id: str
    name: str
    contribution: float
    most: float
    sub_dimensions: tuple[SubDimensionPart, ...]


@dataclass(frozen=True)
class ItemScore:
    """``reward`` = ``intercept`` + the contributions of ``dimensions``, whose parts add up to them in turn."""

    score: Score
    reward: float
    intercept: float
    dimensions: tuple[DimensionPart, ...]
    explanation: Explanation

    @property
    def sub_dimensions(self) -> tuple[SubDimensionPart, ...]:
        return tuple(sub for dimension in self.dimensions for sub in dimension.sub_dimensions)

    @property
    def best(self) -> float:
        """The reward this item could have had."""
        return self.explanation.best

    @property
    def costliest(self) -> tuple[Cost, ...]:
        """What cost the most, the dearest first; at most three. What is rather not there at all costs nothing."""
        present = (cost for cost in self.explanation.costs if cost.name not in self.explanation.absent)
        return tuple(islice(present, 3))

    @property
    def dearest(self) -> tuple[SubDimensionPart, ...]:
        """The sub-dimensions that added most, the best first; at most three."""
        positive = [sub for sub in self.sub_dimensions if sub.contribution >= NOTHING]
        return tuple(sorted(positive, key=lambda sub: -sub.contribution)[:3])


def item_score(score: Score) -> ItemScore:
    """Break down a stored score that has its ``reward_model__checklist_version``."""
    model = score.reward_model
    checklist = checklist_of(model.checklist_version)
    p_yes = np.array([score.p_yes], dtype=np.float64)
    lost, found = costs(checklist, weights_of(model), p_yes)
    expected, likeliest = expected_levels(checklist, p_yes)[0], most_likely_levels(checklist, p_yes)[0]
    ladder = monotone(checklist, p_yes)
    applying = applies(checklist, ladder)
    weights = np.abs(np.array(model.weights))

    def question_part(index: int) -> QuestionPart:
        question = checklist.questions[index]
        return QuestionPart(
            id=question.id,
            text=question.render(score.item.prompt.text),
            p_yes=float(ladder[0, index]),
            applies=float(applying[0, index]),
            weight=float(model.weights[index]),
            contribution=float(found.contributions[0, index]),
        )

    def sub_part(column: int) -> SubDimensionPart:
        sub = checklist.ordinal[column]
        at = [checklist.question_index(question.id) for question in sub.questions]
        return SubDimensionPart(
            id=sub.id,
            name=sub.name,
            expected_level=float(expected[column]),
            likeliest_level=sub.level(int(likeliest[column])).name,
            lowest=sub.lowest,
            highest=sub.highest,
            contribution=float(found.by_sub_dimension[0, column]),
            most=float(weights[at].sum()),
            lost=float(lost[0, at].sum()),
            questions=tuple(question_part(index) for index in at),
        )

    def dimension_part(row: int) -> DimensionPart:
        dimension = checklist.dimensions[row]
        subs = tuple(sub_part(checklist.ordinal_index(sub.id)) for sub in dimension.sub_dimensions if sub.is_ordinal)
        return DimensionPart(
            dimension.id, dimension.name, float(found.by_dimension[0, row]), sum(sub.most for sub in subs), subs
        )

    dimensions = tuple(dimension_part(row) for row in range(len(checklist.dimensions)))
    explanation = explain(checklist, weights_of(model), p_yes[0], prompt=score.item.prompt.text)
    return ItemScore(score, score.reward, model.intercept, dimensions, explanation)


# An average over so many scores is near enough to that of all of them, and read in a moment.
SAMPLE = 2000
SECONDS_KEPT = 600
SCRAMBLE, PRIME = 2_654_435_761, 1_000_003


def contributions_by_sub_dimension(model: RewardModel, p_yes: ArrayLike) -> NDArray[np.float64]:
    """Compute each sub-dimension's contribution, float64 [n, s], from P(yes) [n, q]."""
    checklist = checklist_of(model.checklist_version)
    return reward(soft_values(p_yes, checklist), checklist, weights_of(model)).by_sub_dimension


def average(model: RewardModel) -> NDArray[np.float64]:
    """Average each sub-dimension's contribution over the version's scores.

    Returns float64 [s], zeros where the version has no scores.

    Of many scores a part is taken, by a scrambled number: items come in cycles (a photograph, its blurred, its dark
    version …), and every n-th could be blurred. The result is kept for a while, as it changes slowly.
    """
    count = Score.objects.filter(reward_model=model).count()
    key = f"rewards-average:{model.pk}:{count}"
    kept: list[float] | None = cache.get(key)
    if kept is None:
        step = max(count // SAMPLE, 1)
        scores = Score.objects.filter(reward_model=model)
        if step > 1:
            scores = scores.annotate(turn=Mod(Mod(F("pk") * SCRAMBLE, PRIME), step)).filter(turn=0)
        p_yes = np.array(list(scores.order_by("pk").values_list("p_yes", flat=True)[: 2 * SAMPLE]), dtype=np.float64)
        width = len(checklist_of(model.checklist_version).ordinal)
        kept = contributions_by_sub_dimension(model, p_yes).mean(axis=0).tolist() if len(p_yes) else [0.0] * width
        cache.set(key, kept, SECONDS_KEPT)
    return np.array(kept, dtype=np.float64)


@dataclass(frozen=True)
class Difference:
    """How far a sub-dimension's contribution is from the average; positive where it is ahead."""

    name: str
    gap: float


def differences(model: RewardModel, scores: Sequence[Score]) -> list[list[Difference]]:
    """Compare each score of the version with the average.

    Each score has its differences, the largest first, without those that are zero.
    """
    if not scores:
        return []
    gaps = contributions_by_sub_dimension(model, [score.p_yes for score in scores]) - average(model)
    names = [sub.name for sub in checklist_of(model.checklist_version).ordinal]
    order = np.argsort(-np.abs(gaps), axis=1, kind="stable")
    return [
        [Difference(names[column], float(row[column])) for column in columns if abs(row[column]) >= NOTHING]
        for row, columns in zip(gaps, order, strict=True)
    ]


@dataclass(frozen=True)
class Apart:
    """Where an item is furthest ``behind`` and ``ahead`` of the average.

    Each has up to three sub-dimensions.
    """

    behind: tuple[Difference, ...]
    ahead: tuple[Difference, ...]


def apart(score: Score) -> Apart:
    """Find what sets a score apart from its version's average."""
    (found,) = differences(score.reward_model, [score])
    return Apart(
        behind=tuple(islice((difference for difference in found if difference.gap < 0), 3)),
        ahead=tuple(islice((difference for difference in found if difference.gap > 0), 3)),
    )
