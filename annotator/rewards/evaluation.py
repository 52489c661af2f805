"""Metrics of a version by sub-dimension: measured in training, and against known truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from annotator.campaigns.checklists import checklist_of
from annotator.core.errors import ProblemError
from annotator.rewards.held_out_metrics import TruthMeasure, against_truth, known_truth
from annotator.rewards.models import RewardModel
from annotator.rewards.services.artifacts import read_held_out

RULES = {
    "hard": _("Yes and no (as published)"),
    "tolerant": _("Probabilities, within the judge’s noise alike"),
    "soft": _("Probabilities as they are"),
}

BASELINES = ("sharpness", "motion", "bitrate", "ridge")


# Why a judge cannot be trusted on a sub-dimension: the codes of reward_engine.training.limits.
LIMITS = {
    "unjudged": _("Nobody judged it, so the judge answers without evidence."),
    "constant": _("The judge gives the same answer for every item."),
    "unchecked": _("Too few items of held-out prompts to check it."),
    "one_level": _("All items it was checked on have one level, so no order could be checked."),
    "inverted": _("On held-out prompts it orders items the other way round than people."),
    "no_better": _(
        "On held-out prompts its log loss is worse than the majority baseline’s, and its order of items is no better "
        "than chance."
    ),
}


@dataclass(frozen=True)
class Ordering:
    """How the judge orders the items of a prompt, beside what one gets without it.

    Shares of ``pairs``, None where not known. ``baselines``: by :data:`BASELINES`.
    """

    pairs: int
    ordered: float | None
    low: float | None
    high: float | None
    baselines: tuple[float | None, ...]

    @property
    def is_best(self) -> bool:
        """At least as good as every baseline, and better than a constant."""
        known = [0.5, *(share for share in self.baselines if share is not None)]
        return self.ordered is not None and self.ordered > 0.5 and self.ordered >= max(known)


@dataclass(frozen=True)
class Row:
    """One sub-dimension on held-out prompts. Log losses in nats a question; what cannot be said is None.

    ``truth``: the same predictions against the known truth, where items tell it. ``limit``: why the judge cannot be
    trusted here, in words; ``left_out``: whether the reward does without it for that.
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
    order: Ordering | None = None
    limit: str = ""
    left_out: bool = False

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
    def limited(self) -> tuple[Row, ...]:
        """Those that held-out prompts give no reason to trust."""
        return tuple(row for row in self.rows if row.limit)

    @property
    def rules(self) -> tuple[tuple[Any, dict[str, Any]], ...]:
        """What each rule of dominance finds among the held-out items: (its name, the figures)."""
        known = self.model.manifest.get("dominance", {}).get("rules", {})
        return tuple((label, known[rule]) for rule, label in RULES.items() if rule in known)

    @property
    def in_order(self) -> tuple[Row, ...]:
        """Those whose order within prompts could be checked."""
        return tuple(row for row in self.rows if row.order is not None and row.order.pairs)

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
    limits = {
        entry["sub_dimension"]: str(LIMITS.get(entry["code"], entry["reason"]))
        for entry in model.metrics.get("limits", [])
    }
    left_out = set(model.manifest.get("limited", {}).get("left_out", []))
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
                order=_ordering(entry),
                limit=limits.get(sub.id, ""),
                left_out=sub.id in left_out,
                **{field: entry.get(field) for field in fields},
            )
        )
    return Evaluation(
        model, tuple(rows), model.metrics.get("validation", {}), model.metrics.get("overall", {}), problem
    )


def _ordering(entry: dict[str, Any]) -> Ordering | None:
    """None for a version of before, which was not measured so."""
    if "ordered" not in entry:
        return None
    known = entry.get("baselines", {})
    return Ordering(
        pairs=entry.get("pairs") or 0,
        ordered=entry["ordered"],
        low=entry.get("ordered_low"),
        high=entry.get("ordered_high"),
        baselines=tuple(known.get(name, {}).get("ordered") for name in BASELINES),
    )
