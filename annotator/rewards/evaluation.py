"""How good a version is, told by sub-dimension: what it was measured at in training, and against known truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from annotator.campaigns.checklists import checklist_of
from annotator.core.errors import ProblemError
from annotator.rewards.measuring import TruthMeasure, against_truth, known_truth
from annotator.rewards.models import RewardModel
from annotator.rewards.services.artifacts import read_held_out


@dataclass(frozen=True)
class Row:
    """One sub-dimension on held-out prompts. Log losses in nats a question; what cannot be said is None.

    ``truth``: the same predictions against the known truth, where items tell it.
    """

    dimension: str
    id: str
    name: str
    n: int
    accuracy: float | None
    baseline_accuracy: float | None
    within_one: float | None
    kappa: float | None
    log_loss: float | None
    baseline_log_loss: float | None
    correlation: float | None
    people: float | None
    truth: TruthMeasure | None

    @property
    def is_better(self) -> bool:
        """More accurate than always saying the most frequent level."""
        return (
            self.accuracy is not None and self.baseline_accuracy is not None and self.accuracy > self.baseline_accuracy
        )


@dataclass(frozen=True)
class Evaluation:
    """``validation`` and ``overall`` as the engine measured. ``problem``: why the truth could not be compared with."""

    model: RewardModel
    rows: tuple[Row, ...]
    validation: dict[str, Any]
    overall: dict[str, Any]
    problem: str = ""

    @property
    def measured(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.n)

    @property
    def better(self) -> int:
        return sum(row.is_better for row in self.measured)

    @property
    def with_truth(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.truth is not None)

    @property
    def better_on_truth(self) -> int:
        return sum(row.truth is not None and row.truth.is_better for row in self.rows)


def evaluate(model: RewardModel) -> Evaluation:
    """The measures of a version. The known truth is compared with what heads said that had not seen the prompt."""
    checklist = checklist_of(model.checklist_version)
    truths: dict[str, TruthMeasure] = {}
    problem = ""
    try:
        held_out = read_held_out(model)
        truth = known_truth(held_out["items"], checklist)
        truths = against_truth(checklist, held_out["p_yes"], truth)
    except ProblemError as error:
        problem = error.message
    names = {dimension.id: dimension.name for dimension in checklist.dimensions}
    measured = model.metrics.get("sub_dimensions", {})
    rows = []
    for sub in checklist.ordinal:
        entry = measured.get(sub.id, {})
        fields = ("accuracy", "baseline_accuracy", "within_one", "kappa", "log_loss", "baseline_log_loss",
                  "correlation", "people")  # fmt: skip
        rows.append(
            Row(
                dimension=names[sub.dimension],
                id=sub.id,
                name=sub.name,
                n=entry.get("n", 0),
                truth=truths.get(sub.id),
                **{field: entry.get(field) for field in fields},
            )
        )
    return Evaluation(
        model, tuple(rows), model.metrics.get("validation", {}), model.metrics.get("overall", {}), problem
    )
