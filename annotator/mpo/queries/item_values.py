"""What items are compared by: arrays of the model's scores, or of the annotators' consensus in the same units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from django.db.models import QuerySet
from django.utils.translation import gettext
from numpy.typing import NDArray

from annotator.campaigns.checklists import checklist_of
from annotator.campaigns.models import Campaign
from annotator.campaigns.queries import judgment_levels
from annotator.core.errors import ProblemError
from annotator.library.models import Item
from annotator.mpo.options import Answers, Level
from annotator.mpo.queries.item_scope import ItemScope
from annotator.rewards.models import RewardModel, Score
from annotator.rewards.services.scoring import weights_of
from annotator.trust.consensus import majority
from reward_engine.answers import ABSENT, to_answers
from reward_engine.mpo.dominance import ValueLevel, level_values
from reward_engine.reward import hard_values, reward, soft_values

CHUNK = 10_000
EVERYTHING = ItemScope()

Progress = Callable[[int], None]


@dataclass(frozen=True)
class ItemValues:
    """n items, ascending. ``items``, ``prompts``: int64 [n]. ``reward``: float64 [n]. ``by_dimension``: float64 [n, d].

    ``values``: float64 [n, k], what dominance is decided by; higher is better. (By total reward: the dimensions.)
    """

    items: NDArray[np.int64]
    prompts: NDArray[np.int64]
    reward: NDArray[np.float64]
    by_dimension: NDArray[np.float64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.items)

    def take(self, rows: NDArray[Any]) -> ItemValues:
        return ItemValues(
            self.items[rows], self.prompts[rows], self.reward[rows], self.by_dimension[rows], self.values[rows]
        )


def scores_of(reward_model: RewardModel, scope: ItemScope = EVERYTHING) -> QuerySet[Score]:
    """List a version's scores of the items in scope."""
    return Score.objects.filter(scope.rows(), reward_model=reward_model)


def scored(
    reward_model: RewardModel,
    level: str,
    progress: Progress = lambda done: None,
    scope: ItemScope = EVERYTHING,
    answers: str = Answers.SOFT,
) -> ItemValues:
    """Read every scored item of a version, in chunks.

    ``progress(done)`` is told how many are read. ``answers`` says what ``values`` are made of; reward and dimensions
    are those of the score.

    Raises:
        ProblemError: If there is none, or if a score was made with another checklist.
    """
    checklist = checklist_of(reward_model.checklist_version)
    weights = weights_of(reward_model)
    hard = answers == Answers.HARD and level != Level.TOTAL
    needs_answers = hard or level in (Level.SUB_DIMENSION, Level.QUESTION)
    columns = ["item_id", "item__prompt_id", "reward", "by_dimension", *(["p_yes"] if needs_answers else [])]
    rows = scores_of(reward_model, scope).order_by("item_id").values_list(*columns).iterator(CHUNK)
    parts: list[ItemValues] = []
    done = 0
    while chunk := _up_to(CHUNK, rows):
        ids = np.array([row[:2] for row in chunk], dtype=np.int64)
        by_dimension = _matrix(chunk, 3, len(checklist.dimensions), reward_model, "dimensions")
        total = np.array([row[2] for row in chunk], dtype=np.float64)
        values = by_dimension
        if needs_answers:
            p_yes = _matrix(chunk, 4, len(checklist.questions), reward_model, "questions")
            signed = hard_values(p_yes, checklist) if hard else soft_values(p_yes, checklist)
            values = level_values(reward(signed, checklist, weights), cast(ValueLevel, level))
        parts.append(ItemValues(ids[:, 0], ids[:, 1], total, by_dimension, values))
        done += len(chunk)
        progress(done)
    if not parts:
        raise ProblemError(no_scores(reward_model, scope), code="no_scores")
    return ItemValues(*(np.concatenate([getattr(part, name) for part in parts]) for name in ItemValues.__annotations__))


def judged(reward_model: RewardModel, level: str, scope: ItemScope = EVERYTHING) -> ItemValues:
    """Read every item whose questions people have all answered.

    The answers are those of the model's checklist, by the consensus of all campaigns. The levels that count are turned
    into answers and weighted like the model's own, so that gaps compare.

    Raises:
        ProblemError: If nobody has annotated with this checklist version.
    """
    version = reward_model.checklist_version
    campaigns = list(Campaign.objects.filter(checklist_version=version))
    if campaigns:
        table = majority(judgment_levels(campaigns))
        fits = (table.levels != ABSENT).all(axis=1)
        if not scope.everything:
            items = Item.objects.filter(scope.rows("pk", "prompt_id")).values_list("pk", flat=True)
            fits &= np.isin(table.items, np.fromiter(items.iterator(), dtype=np.int64))
        whole = np.flatnonzero(fits)
    if not campaigns or not len(whole):
        raise ProblemError(
            gettext(
                "No item here has been annotated completely with the checklist %(version)s yet, so there is no "
                "consensus to mine from. Mine from the model's scores, or annotate first."
            )
            % {"version": version},
            code="no_consensus",
        )
    answers = to_answers(table.checklist, table.levels[whole]).astype(np.float64)
    found = reward(answers, table.checklist, weights_of(reward_model))
    values = found.by_dimension if level == Level.TOTAL else level_values(found, cast(ValueLevel, level))
    return ItemValues(table.items[whole], table.prompts[whole], found.reward, found.by_dimension, values)


def no_scores(reward_model: RewardModel, scope: ItemScope = EVERYTHING) -> str:
    """Say that nothing in scope has been scored."""
    if not scope.everything:
        return gettext("%(model)s has not scored any item of %(set)s yet. Score them first, then mine pairs.") % {
            "model": reward_model,
            "set": scope,
        }
    return gettext("%(model)s has not scored any item yet. Score the library first, then mine pairs.") % {
        "model": reward_model
    }


def _up_to(count: int, rows: Any) -> list[tuple[Any, ...]]:
    return [row for row, _ in zip(rows, range(count), strict=False)]


def _matrix(
    chunk: list[tuple[Any, ...]], column: int, width: int, reward_model: RewardModel, what: str
) -> NDArray[np.float64]:
    """Stack rows to float64 [n, width].

    Raises:
        ProblemError: Naming the item, where a row has another width.
    """
    for row in chunk:
        if len(row[column]) != width:
            raise ProblemError(
                gettext(
                    "The score of item %(row)s has %(n)s %(what)s, but the checklist of %(reward_model)s has "
                    "%(width)s: it was made with another checklist version. Score this item with "
                    "%(reward_model)s again."
                )
                % {"row": row[0], "n": len(row[column]), "what": what, "reward_model": reward_model, "width": width},
                code="mixed_versions",
                item=int(row[0]),
            )
    return np.array([row[column] for row in chunk], dtype=np.float64)
