"""What a judge cannot do: heads that say the same of everything, or were never checked, or point the wrong way.

A reward that counts such a ladder counts noise, or worse. Each reason is a code for programs and a sentence for
people; such a ladder is left out of the reward unless somebody wants it kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from reward_engine.checklist import Checklist
from reward_engine.errors import WeightsError
from reward_engine.weights import Weights

FEWEST = 5
"""The fewest items of two levels or more that a sub-dimension must be measured on."""


@dataclass(frozen=True)
class Limit:
    """Why a sub-dimension should not be trusted.

    ``sub_dimension``: its id. ``code``: unjudged, constant, unchecked, one_level, inverted, or no_better.
    """

    sub_dimension: str
    code: str
    reason: str

    def to_json(self) -> dict[str, str]:
        """Plain data."""
        return {"sub_dimension": self.sub_dimension, "code": self.code, "reason": self.reason}


def limits_of(checklist: Checklist, metrics: Mapping[str, Any]) -> tuple[Limit, ...]:
    """Name the sub-dimensions that a training gives no reason to trust.

    Reads its ``metrics``; each is named once, in order, with one reason.
    """
    heads, measured = metrics.get("heads", {}), metrics.get("sub_dimensions", {})
    found = []
    for sub in checklist.ordinal:
        if sub.id not in measured:
            continue
        said = _limit(heads.get(sub.id, heads.get(f"{sub.id}:presence")), measured[sub.id])
        if said is not None:
            found.append(Limit(sub.id, *said))
    return tuple(found)


def _limit(head: Mapping[str, Any] | None, entry: Mapping[str, Any]) -> tuple[str, str] | None:
    kind = None if head is None else head.get("kind")
    if kind == "empty":
        return "unjudged", "Nobody judged it, so the judge answers without evidence."
    if kind == "constant":
        return "constant", "All judgments are of one level; the judge gives that answer for every item."
    if kind == "rates":
        return "constant", "Features did not help on left-out prompts; the judge gives the same answer for every item."
    n = int(entry.get("n") or 0)
    if n < FEWEST:
        return (
            "unchecked",
            f"It was checked on {n} {'item' if n == 1 else 'items'} of held-out prompts; at least {FEWEST} are needed.",
        )
    if entry.get("levels_seen") == 1:
        return "one_level", f"The {n} items it was checked on have one level, so no order could be checked."
    if entry.get("said_alike"):
        return "constant", "It gives the same answer for every item it was checked on."
    ordered, pairs = entry.get("ordered"), int(entry.get("pairs") or 0)
    rank = entry.get("rank_correlation")
    if (ordered is not None and pairs >= FEWEST and ordered < 0.5) or (ordered is None and (rank or 0.0) < 0):
        figure = f"{ordered:.0%} of {pairs} pairs" if ordered is not None else f"rank correlation {rank:.2f}"
        return "inverted", f"On left-out prompts it orders items the other way round than people ({figure})."
    loss, without = entry.get("log_loss"), entry.get("baseline_log_loss")
    if loss is not None and without is not None and loss > without and not _orders(entry):
        return "no_better", (
            f"On left-out prompts its log loss is {loss:.3f}, the majority baseline’s {without:.3f}, and its "
            "order of items is not better than chance by a standard error."
        )
    return None


def _orders(entry: Mapping[str, Any]) -> bool:
    """Whether held-out items of a prompt are in people's order beyond a standard error of that share over prompts."""
    ordered, low, high = (entry.get(name) for name in ("ordered", "ordered_low", "ordered_high"))
    if ordered is None or low is None or high is None:
        return False
    return bool(ordered - (high - low) / (2 * 1.96) > 0.5)


def without_limited(weights: Weights, checklist: Checklist, limits: Collection[Limit]) -> Weights:
    """Take the weight from the sub-dimensions of ``limits``.

    The others grow so that the total stays, and notes say why.

    Raises:
        WeightsError: If nothing would be left.
    """
    if not limits:
        return weights
    out = {limit.sub_dimension for limit in limits}
    mine = np.array([question.sub_dimension in out for question in checklist.questions], dtype=bool)
    coef = np.where(mine, 0.0, weights.coef)
    if not coef.any():
        reasons = "; ".join(f"{limit.sub_dimension}: {limit.reason}" for limit in limits)
        raise WeightsError(
            f"No sub-dimension can be trusted, so every weight would be 0. {reasons} Annotate more items of more "
            "prompts, or keep these sub-dimensions all the same.",
            code="weights_none_left",
        )
    coef *= np.abs(weights.coef).sum() / np.abs(coef).sum()
    notes = tuple(f"{limit.sub_dimension} has weight 0 ({limit.code}): {limit.reason}" for limit in limits)
    return Weights(coef, weights.intercept, weights.form, (*weights.notes, *notes))
