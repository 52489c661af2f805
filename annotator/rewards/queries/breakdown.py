"""One item's score taken apart: dimension → sub-dimension → question, each with what it adds to the reward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from annotator.campaigns.checklists import checklist_of
from annotator.rewards.models import RewardModel, Score
from annotator.rewards.services.scoring import weights_of
from reward_engine.explain import NOTHING, Cost, Explanation, costs, explain
from reward_engine.ladders import applies, expected_levels, monotone, most_likely_levels


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
        told = (cost for cost in self.explanation.costs if cost.name not in self.explanation.absent)
        return tuple(islice(told, 3))

    @property
    def dearest(self) -> tuple[SubDimensionPart, ...]:
        """The sub-dimensions that added most, the best first; at most three."""
        positive = [sub for sub in self.sub_dimensions if sub.contribution >= NOTHING]
        return tuple(sorted(positive, key=lambda sub: -sub.contribution)[:3])


def item_score(score: Score) -> ItemScore:
    """The breakdown of a stored score (with its ``reward_model__checklist_version``)."""
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


def costliest(model: RewardModel, scores: Sequence[Score]) -> list[tuple[str, float]]:
    """For each score of the version the name of the sub-dimension that cost it the most and what it cost; an empty
    name where nothing did."""
    if not scores:
        return []
    checklist = checklist_of(model.checklist_version)
    lost, _ = costs(checklist, weights_of(model), np.array([score.p_yes for score in scores]))
    of_sub = np.zeros((len(checklist.ordinal), len(scores)))
    np.add.at(of_sub, checklist.question_sub_dimension, lost.T)
    dearest = of_sub.argmax(axis=0)
    found = [(checklist.ordinal[column].name, float(of_sub[column, row])) for row, column in enumerate(dearest)]
    return [(name, value) if value >= NOTHING else ("", 0.0) for name, value in found]
