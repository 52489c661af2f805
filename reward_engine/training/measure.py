"""What held-out prompts say about a judge, beside what one gets without looking at the media."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_engine.answers import ABSENT, to_answers
from reward_engine.checklist import Checklist
from reward_engine.evaluation import level_agreement, most_likely_levels
from reward_engine.evaluation.order import order_within
from reward_engine.evaluation.ranking import rank_correlation
from reward_engine.ladders import expected_levels

SMOOTHING = 1.0

SAME = 1e-6
"""Expected levels this close together say the same of all items."""


@dataclass(frozen=True)
class Baseline:
    """What the training rows suggest for each row.

    These are the most frequent level int8 [n, s] and the shares of yes [n, q].
    """

    levels: NDArray[np.int8]
    p_yes: NDArray[np.float64]

    @classmethod
    def empty(cls, checklist: Checklist, n: int) -> Baseline:
        return cls(
            np.full((n, len(checklist.ordinal)), ABSENT, dtype=np.int8), np.full((n, len(checklist.questions)), 0.5)
        )

    def learn(
        self,
        checklist: Checklist,
        levels: NDArray[np.int8],
        weight: NDArray[np.float64],
        rows: NDArray[np.bool_],
    ) -> None:
        """Fill ``rows`` with what the training ``levels`` suggest."""
        for column, sub in enumerate(checklist.ordinal):
            counts = [weight[levels[:, column] == score].sum() for score in sub.scores]
            self.levels[rows, column] = sub.scores[int(np.argmax(counts))]
        answers = to_answers(checklist, levels)
        yes, no = weight @ (answers == 1), weight @ (answers == -1)
        self.p_yes[rows] = (yes + SMOOTHING) / (yes + no + 2 * SMOOTHING)

    def take(self, rows: NDArray[np.bool_]) -> Baseline:
        return Baseline(self.levels[rows], self.p_yes[rows])


def measure(
    checklist: Checklist,
    p_yes: NDArray[np.float32],
    levels: NDArray[np.int8],
    baseline: Baseline,
    groups: NDArray[Any] | None = None,
    others: Mapping[str, NDArray[np.float64]] | None = None,
) -> dict[str, Any]:
    """Measure ``sub_dimensions`` (each with its ``questions``) and ``overall``, their means.

    Means are over sub-dimensions with items. ``log_loss`` is in nats a question that applies; a value that cannot be
    said is None. With the prompts ``groups`` [n], also how the expected level orders the items of a prompt; with
    ``others``, scores [n, s] by the name of a baseline, the same of each of these.
    """
    predicted = most_likely_levels(checklist, p_yes)
    answers = to_answers(checklist, levels)
    loss, baseline_loss = _log_loss(p_yes, answers), _log_loss(baseline.p_yes, answers)
    found: dict[str, dict[str, Any]] = {}
    for column, sub in enumerate(checklist.ordinal):
        truth = levels[:, column]
        at = [checklist.question_index(question.id) for question in sub.questions]
        found[sub.id] = {
            **asdict(level_agreement(predicted[:, column], truth)),
            "baseline_accuracy": level_agreement(baseline.levels[:, column], truth).accuracy,
            "log_loss": _mean(loss[:, at]),
            "baseline_log_loss": _mean(baseline_loss[:, at]),
            "questions": {
                question.id: {
                    "n": int((answers[:, index] != 0).sum()),
                    "log_loss": _mean(loss[:, index]),
                    "baseline_log_loss": _mean(baseline_loss[:, index]),
                }
                for question, index in zip(sub.questions, at, strict=True)
            },
        }
    if groups is not None:
        _add_order(found, checklist, expected_levels(checklist, p_yes), levels, groups, others or {})
    keys = ("accuracy", "baseline_accuracy", "within_one", "mae", "kappa", "log_loss", "baseline_log_loss")
    overall: dict[str, Any] = {}
    for key in keys:
        values = [entry[key] for entry in found.values() if entry[key] is not None]
        overall[key] = float(np.mean(values)) if values else None
    overall["n"] = sum(entry["n"] for entry in found.values())
    overall["sub_dimensions"] = sum(entry["n"] > 0 for entry in found.values())
    overall["better_than_baseline"] = sum(
        entry["n"] > 0 and entry["accuracy"] > entry["baseline_accuracy"] for entry in found.values()
    )
    return {"sub_dimensions": found, "overall": overall}


def _add_order(
    found: dict[str, dict[str, Any]],
    checklist: Checklist,
    expected: NDArray[np.float64],
    levels: NDArray[np.int8],
    groups: NDArray[Any],
    others: Mapping[str, NDArray[np.float64]],
) -> None:
    for column, sub in enumerate(checklist.ordinal):
        truth = np.where(levels[:, column] == ABSENT, np.nan, levels[:, column].astype(np.float64))
        mine = _order(expected[:, column], truth, groups)
        found[sub.id] |= {
            **mine,
            "levels_seen": len(np.unique(truth[~np.isnan(truth)])),
            "said_alike": bool(np.ptp(expected[~np.isnan(truth), column]) < SAME) if mine["pairs"] else None,
            "baselines": {name: _order(scores[:, column], truth, groups) for name, scores in others.items()},
        }


def _order(scores: NDArray[np.float64], truth: NDArray[np.float64], groups: NDArray[Any]) -> dict[str, Any]:
    order = order_within(scores, truth, groups)
    return {
        "ordered": order.ordered,
        "ordered_low": order.low,
        "ordered_high": order.high,
        "pairs": order.pairs,
        "rank_correlation": rank_correlation(scores, truth).spearman,
    }


def _log_loss(p_yes: NDArray[Any], answers: NDArray[np.int8]) -> NDArray[np.float64]:
    """[n, q] nats, NaN where a question does not apply."""
    p = np.clip(p_yes.astype(np.float64), 1e-7, 1 - 1e-7)
    return np.where(answers == 0, np.nan, -np.log(np.where(answers == 1, p, 1 - p)))


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
