"""Agreement by sub-dimension: the model with the consensus, and people with each other on the same items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotator.insights.agreement.choice import HELD_OUT
from annotator.insights.agreement.evidence import Evidence
from annotator.insights.agreement.people import pairwise_kappa, side_by_side
from reward_engine.answers import ABSENT
from reward_engine.checklist import SubDimension
from reward_engine.evaluation import (
    HumanAgreement,
    LevelAgreement,
    expected_levels,
    human_agreement,
    level_agreement,
    most_likely_levels,
)


@dataclass(frozen=True)
class SubDimensionAgreement:
    """``people_kappa`` stands on the same scale as ``model.kappa``: quadratic-weighted, 1 perfect, 0 as by chance."""

    sub: SubDimension
    dimension: str
    model: LevelAgreement
    people: HumanAgreement
    people_kappa: float | None

    @property
    def behind(self) -> float | None:
        """By how much the model is behind people; None where either cannot be said."""
        if self.model.kappa is None or self.people_kappa is None:
            return None
        return self.people_kappa - self.model.kappa


@dataclass(frozen=True)
class Comparison:
    """``rows``: worst first. ``basis``: whether the numbers are held-out ones; ``fell_back`` where that was asked for
    and there are none. Counts are of items."""

    rows: list[SubDimensionAgreement]
    basis: str
    fell_back: bool
    compared: int
    judged: int
    held_out: int
    scored: int
    annotations: int
    annotators: int
    notes: tuple[str, ...]

    @property
    def is_held_out(self) -> bool:
        return self.basis == HELD_OUT


@dataclass(frozen=True)
class Chosen:
    """The rows of the evidence that are compared, and P(yes) float64 [m, q] of each."""

    rows: NDArray[np.int64]
    p_yes: NDArray[np.float64]
    basis: str


def chosen(evidence: Evidence, basis: str) -> Chosen:
    """Held-out predictions where there are any and they are asked for; otherwise the scores as they stand."""
    held = np.flatnonzero(evidence.has_held_out)
    if basis == HELD_OUT and len(held):
        return Chosen(held, evidence.held_out[held], HELD_OUT)
    rows = np.flatnonzero(evidence.has_scores)
    return Chosen(rows, evidence.scored[rows], "all")


def compare(evidence: Evidence, basis: str) -> Comparison:
    checklist, consensus = evidence.table.checklist, evidence.consensus
    picked = chosen(evidence, basis)
    predicted = most_likely_levels(checklist, picked.p_yes)
    levels = consensus.levels[picked.rows]
    # People are compared on the very items the model is; where it has none, on all.
    items = consensus.items[picked.rows] if len(picked.rows) else consensus.items
    judgments = side_by_side(evidence.table, items)
    names = {dimension.id: dimension.name for dimension in checklist.dimensions}
    rows = [
        SubDimensionAgreement(
            sub=sub,
            dimension=names[sub.dimension],
            model=level_agreement(predicted[:, column], levels[:, column]),
            people=human_agreement(judgments[:, :, column]),
            people_kappa=pairwise_kappa(judgments[:, :, column]),
        )
        for column, sub in enumerate(checklist.ordinal)
    ]
    return Comparison(
        rows=sorted(rows, key=_worst_first),
        basis=picked.basis,
        fell_back=basis == HELD_OUT and picked.basis != HELD_OUT,
        compared=len(picked.rows),
        judged=len(consensus.items),
        held_out=int(evidence.has_held_out.sum()),
        scored=int(evidence.has_scores.sum()),
        annotations=consensus.annotations,
        annotators=len(np.unique(evidence.table.annotators)),
        notes=evidence.notes,
    )


def _worst_first(row: SubDimensionAgreement) -> tuple[bool, float, bool, float]:
    """By the model's kappa, and without one by people's; what cannot be said comes last."""
    model, people = row.model.kappa, row.people_kappa
    return (model is None, model or 0.0, people is None, people or 0.0)


@dataclass(frozen=True)
class Disagreement:
    """One item where the model and people differ: ``expected`` is the model's mean level, ``level`` its likeliest."""

    item: int
    consensus: int
    level: int
    expected: float
    said: list[int]

    @property
    def apart(self) -> float:
        return abs(self.expected - self.consensus)


def disagreements(evidence: Evidence, basis: str, sub_dimension: str) -> tuple[list[Disagreement], str]:
    """(every compared item with a consensus in this ladder, those furthest apart first; the basis)."""
    checklist = evidence.table.checklist
    column = checklist.ordinal_index(sub_dimension)
    picked = chosen(evidence, basis)
    levels = evidence.consensus.levels[picked.rows, column]
    judged = levels != ABSENT
    rows, levels = picked.rows[judged], levels[judged]
    predicted = most_likely_levels(checklist, picked.p_yes[judged])[:, column]
    expected = expected_levels(checklist, picked.p_yes[judged])[:, column]
    items = evidence.consensus.items[rows]
    said = side_by_side(evidence.table, items)[:, :, column]
    order = np.lexsort((items, -np.abs(expected - levels)))
    found = [
        Disagreement(
            item=int(items[i]),
            consensus=int(levels[i]),
            level=int(predicted[i]),
            expected=float(expected[i]),
            said=sorted(int(level) for level in said[:, i] if level != ABSENT),
        )
        for i in order
    ]
    return found, picked.basis
