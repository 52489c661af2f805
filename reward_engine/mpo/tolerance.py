"""How far a judge's own values can be trusted: tolerances of dominance, and how often its pairs are right.

"No worse in every dimension" on probabilities lets the smallest noise forbid a pair. The published rule compares hard
answers (yes and no), which differ only where the judge has made up its mind. On probabilities, a difference within the
judge's own noise counts as none. How large that noise is, held-out prompts tell: what the judge said of items whose
prompt it had not seen, beside what people said of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.answers import check_levels, harmonize, to_answers
from reward_engine.checklist import Checklist
from reward_engine.evaluation.bootstrap import interval, of_counts, ratio
from reward_engine.groups import group_numbers, within
from reward_engine.mpo.dominance import pairs
from reward_engine.reward import hard_values, reward, soft_values
from reward_engine.weights import Weights

RULES = ("hard", "tolerant", "soft")
"""Yes and no, as published; probabilities with a tolerance; probabilities as they are."""


@dataclass(frozen=True)
class RulePrecision:
    """What a rule finds on held-out items. ``pairs`` of ``covered`` of ``prompts``; ``ordered``: those whose two items
    people value differently; ``precision``: the share of these that people order alike, with its 95 % interval."""

    pairs: int
    covered: int
    prompts: int
    ordered: int
    precision: float | None
    low: float | None
    high: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def noise_tolerance(
    checklist: Checklist, weights: Weights, p_yes: ArrayLike, levels: ArrayLike, prompts: ArrayLike
) -> NDArray[np.float64]:
    """Measure the judge's noise in the difference of two items.

    Returns one standard deviation of it for items of a prompt, float64 [dimensions]; 0 where no prompt has two items
    that were judged.

    ``p_yes`` [n, q] of held-out items, ``levels`` [n, s] of people, ABSENT where not judged. Noise is what people's
    values do not account for: the rest of a regression of the judge's values on theirs, within prompts (the slope takes
    account of probabilities being tamer than answers).
    """
    said = reward(soft_values(p_yes, checklist), checklist, weights).by_dimension
    answers = to_answers(checklist, harmonize(checklist, check_levels(checklist, levels)))
    human = reward(answers.astype(np.float64), checklist, weights).by_dimension
    group = group_numbers(prompts, len(said))
    found = np.zeros(said.shape[1])
    for dimension in range(said.shape[1]):
        rows = np.flatnonzero((answers[:, checklist.question_dimension == dimension] != 0).any(axis=1))
        free = len(rows) - len(np.unique(group[rows]))
        if free < 1:
            continue
        judge, people = (within(column[rows, dimension], group[rows]) for column in (said, human))
        spread = float(people @ people)
        rest = judge - max(0.0, float(judge @ people) / spread) * people if spread > 0 else judge
        found[dimension] = np.sqrt(2.0 * float(rest @ rest) / free)
    return found


def rule_values(checklist: Checklist, weights: Weights, p_yes: ArrayLike, rule: str) -> NDArray[np.float64]:
    """Compute what a rule compares, float64 [n, dimensions]."""
    signed = hard_values(p_yes, checklist) if rule == "hard" else soft_values(p_yes, checklist)
    return reward(signed, checklist, weights).by_dimension


def expected_precision(
    checklist: Checklist,
    weights: Weights,
    p_yes: ArrayLike,
    levels: ArrayLike,
    prompts: ArrayLike,
    *,
    tolerance: ArrayLike = 0.0,
    seed: int = 0,
) -> Mapping[str, RulePrecision]:
    """Measure how many mined pairs people order alike.

    Counts, by rule, the pairs it finds on held-out items, and how many of them people order alike.
    """
    answers = to_answers(checklist, harmonize(checklist, check_levels(checklist, levels))).astype(np.float64)
    human = reward(answers, checklist, weights).by_dimension.sum(axis=1)
    group = group_numbers(prompts, len(human))
    sizes = np.bincount(group)
    found = {}
    for rule in RULES:
        values = rule_values(checklist, weights, p_yes, rule)
        mined = pairs(values, group, tolerance=tolerance if rule == "tolerant" else 0.0)
        gap = human[mined.winner] - human[mined.loser]
        ordered = np.abs(gap) > 1e-9
        right, of = (gap > 1e-9)[ordered].astype(float), group[mined.winner][ordered]
        share = float(right.mean()) if len(right) else None
        low = high = None
        if len(np.unique(of)) > 1:
            drawn = of_counts(np.stack([right, np.ones(len(right))], axis=1), of, seed=seed)
            known = interval(share, ratio(drawn[:, 0], drawn[:, 1]))
            low, high = (None, None) if known is None else (known.low, known.high)
        covered = len(np.unique(group[mined.winner]))
        found[rule] = RulePrecision(len(mined), covered, int((sizes > 1).sum()), int(ordered.sum()), share, low, high)
    return found


def rules_with_more_pairs(found: Mapping[str, RulePrecision], rule: str) -> dict[str, int]:
    """List other rules that find more pairs on the same items.

    Each has its number; the one with the most comes first.
    """
    mine = found[rule].pairs if rule in found else 0
    more = {name: one.pairs for name, one in found.items() if name != rule and one.pairs > mine}
    return dict(sorted(more.items(), key=lambda pair: -pair[1]))
