"""What a reward was lost to, in numbers and in sentences.

The most that question q can bring is a_q·|w_q|, a_q being the probability that it applies; what it cost is
that less its contribution. Reward and costs therefore add up to the best reward that this very item could
have had: what does not apply costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.checklist import Checklist, Level, SubDimension
from reward_engine.ladders import applies, distribution, gate_column, monotone, most_likely_levels
from reward_engine.reward import RewardResult, hard_values, reward, soft_values
from reward_engine.weights import Weights

NOTHING = 5e-4
"""Costs below this are not worth a sentence."""


@dataclass(frozen=True)
class Cost:
    """What one sub-dimension cost.

    ``lost`` ≥ 0 in units of the reward, and the answer in it that cost the most.

    ``level`` is the likeliest level, with probability ``p_level``. ``question``: its id, text and P(yes).
    """

    sub_dimension: str
    name: str
    dimension: str
    lost: float
    level: Level
    p_level: float
    question: str
    question_text: str
    p_yes: float
    question_lost: float


@dataclass(frozen=True)
class Explanation:
    """``reward`` + the ``lost`` of all sub-dimensions = ``best``, what the item could have had.

    ``costs``: the dearest sub-dimensions first, those without cost left out. ``absent``: names of the
    sub-dimensions that rather do not apply. ``sentences``: the same for people.
    """

    reward: float
    best: float
    costs: tuple[Cost, ...]
    absent: tuple[str, ...]
    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.sentences)


def costs(
    checklist: Checklist, weights: Weights, p_yes: ArrayLike, *, hard: bool = False
) -> tuple[NDArray[np.float64], RewardResult]:
    """Work out what each question cost.

    Returns float64 [n, q] ≥ 0 and the reward that this leaves, from P(yes) [n, q]: the soft reward, or with ``hard``
    that of answers ±1 as published.
    """
    share = applies(checklist, monotone(checklist, p_yes))
    if hard:
        result, share = reward(hard_values(p_yes, checklist), checklist, weights), np.where(share >= 0.5, 1.0, 0.0)
    else:
        result = reward(soft_values(p_yes, checklist), checklist, weights)
    most = share * np.abs(weights.coef)
    return np.maximum(most - result.contributions, 0.0), result


def explain(
    checklist: Checklist,
    weights: Weights,
    p_yes: ArrayLike,
    *,
    prompt: str = "",
    most: int = 3,
    hard: bool = False,
    added: float = 0.0,
) -> Explanation:
    """Explain the reward of one item from P(yes) [q].

    Sentences name at most ``most`` sub-dimensions. ``prompt`` stands in for ``{prompt}`` in the questions.

    Args:
        hard: The reward of answers ±1 instead of the soft one.
        added: A part of the reward that no question makes, such as the published alignment score's.

    Raises:
        DataError: Shapes or values do not fit.
        WeightsError: The weights do not fit the checklist.
    """
    p = monotone(checklist, np.asarray(p_yes)[None])
    lost, result = costs(checklist, weights, p, hard=hard)
    of_sub = np.zeros(len(checklist.ordinal))
    np.add.at(of_sub, checklist.question_sub_dimension, lost[0])
    levels = most_likely_levels(checklist, p)[0]
    found, absent = [], []
    for column in np.argsort(-of_sub, kind="stable"):
        sub = checklist.ordinal[column]
        gate = gate_column(checklist, sub)
        if gate is not None and p[0, gate] < 0.5:
            absent.append(sub.name)
        if of_sub[column] >= NOTHING:
            found.append(_cost(checklist, sub, int(levels[column]), p, lost[0], float(of_sub[column]), prompt))
    total = float(result.reward[0]) + added
    best = total + float(lost[0].sum())
    sentences = _sentences(total, best, found, [cost for cost in found if cost.name not in absent][:most], absent)
    return Explanation(total, best, tuple(found), tuple(absent), sentences)


def _cost(
    checklist: Checklist,
    sub: SubDimension,
    level: int,
    p: NDArray[np.float64],
    lost: NDArray[np.float64],
    total: float,
    prompt: str,
) -> Cost:
    columns = [checklist.question_index(question.id) for question in sub.questions]
    dearest = int(np.argmax(lost[columns]))
    question = sub.questions[dearest]
    return Cost(
        sub_dimension=sub.id,
        name=sub.name,
        dimension=sub.dimension,
        lost=total,
        level=sub.level(level),
        p_level=float(distribution(checklist, sub, p)[0, level - sub.lowest]),
        question=question.id,
        question_text=question.render(prompt),
        p_yes=float(p[0, columns[dearest]]),
        question_lost=float(lost[columns[dearest]]),
    )


def _sentences(
    total: float, best: float, all_costs: list[Cost], named: list[Cost], absent: list[str]
) -> tuple[str, ...]:
    lost = best - total
    if not named:
        found = [f"The reward is {total:.2f}, the best that this item could have."]
    else:
        found = [f"The reward is {total:.2f}; {lost:.2f} is missing to the {best:.2f} that this item could have."]
        first, *others = named
        found.append(
            f"{first.name} cost the most, {first.lost:.2f}: it looks like “{first.level.name}” "
            f"({first.p_level:.0%} sure). {first.level.guidance}"
        )
        found.append(f"The answer that cost the most there: “{first.question_text}”, yes with {first.p_yes:.0%}.")
        if others:
            found.append("Next: " + "; ".join(f"{c.name} {c.lost:.2f} (“{c.level.name}”)" for c in others) + ".")
        rest = lost - sum(cost.lost for cost in named)
        if len(all_costs) > len(named) and rest >= 0.005:
            found.append(f"Everything else together cost {rest:.2f}.")
    if absent:
        found.append(f"Counted little or not at all, because there seems to be none: {', '.join(sorted(absent))}.")
    return tuple(found)
