"""What held-out prompts say about a judge, beside what one gets without looking at the media."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_engine.answers import ABSENT, to_answers
from reward_engine.checklist import Checklist
from reward_engine.evaluation import level_agreement, most_likely_levels

SMOOTHING = 1.0


@dataclass(frozen=True)
class Baseline:
    """For each row what its training rows suggest: the most frequent level int8 [n, s] and the shares of yes [n, q]."""

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
    checklist: Checklist, p_yes: NDArray[np.float32], levels: NDArray[np.int8], baseline: Baseline
) -> dict[str, Any]:
    """``sub_dimensions`` (each with its ``questions``) and ``overall``, the means over sub-dimensions with items.

    ``log_loss`` in nats a question that applies; a value that cannot be said is None.
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


def _log_loss(p_yes: NDArray[Any], answers: NDArray[np.int8]) -> NDArray[np.float64]:
    """[n, q] nats, NaN where a question does not apply."""
    p = np.clip(p_yes.astype(np.float64), 1e-7, 1 - 1e-7)
    return np.where(answers == 0, np.nan, -np.log(np.where(answers == 1, p, 1 - p)))


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
