"""Agreement by sub-dimension: the model with the consensus, and people with each other on the same items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from annotator.insights.agreement.choice import HELD_OUT
from annotator.insights.agreement.evidence import Evidence
from annotator.insights.agreement.people import pairwise_kappa, side_by_side
from annotator.insights.agreement.questions import QuestionRow, question_rows
from annotator.insights.agreement.verdict import Verdict, verdict
from reward_engine.answers import ABSENT
from reward_engine.checklist import SubDimension
from reward_engine.evaluation import (
    HumanAgreement,
    Interval,
    LevelAgreement,
    expected_levels,
    human_agreement,
    level_agreement,
    most_likely_levels,
)
from reward_engine.evaluation.beside_people import BesidePeople, beside_people, mean_beside_people
from reward_engine.evaluation.resamples import Resamples

TIMES = 1000
"""Resamples of prompts behind each interval."""


@dataclass(frozen=True)
class SubDimensionAgreement:
    """``people_kappa`` stands on the same scale as ``model.kappa``: quadratic-weighted, 1 perfect, 0 as by chance.
    ``beside``: the same with more figures, each with its interval; ``questions``: those of the ladder."""

    sub: SubDimension
    dimension: str
    model: LevelAgreement
    people: HumanAgreement
    people_kappa: float | None
    beside: BesidePeople
    questions: list[QuestionRow]

    @property
    def verdict(self) -> Verdict:
        return verdict(self.beside)

    @property
    def behind(self) -> float | None:
        """By how much the model is behind people; None where either cannot be said."""
        if self.model.kappa is None or self.people_kappa is None:
            return None
        return self.people_kappa - self.model.kappa


@dataclass(frozen=True)
class DimensionAgreement:
    """``figures``: mean kappa, ceiling and gap over the sub-dimensions that have them."""

    name: str
    figures: dict[str, Interval | None]


@dataclass(frozen=True)
class AgreementReport:
    """``rows``: furthest below the human ceiling first. ``basis``: whether the numbers are held-out ones;
    ``fell_back`` where that was asked for and there are none. Counts are of items."""

    rows: list[SubDimensionAgreement]
    dimensions: list[DimensionAgreement]
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


def compare(evidence: Evidence, basis: str) -> AgreementReport:
    """Compare the model with the consensus, and people with each other, with intervals over prompts."""
    consensus = evidence.consensus
    picked = chosen(evidence, basis)
    rows = _rows(evidence, picked)
    return AgreementReport(
        rows=sorted(rows, key=_worst_first),
        dimensions=[
            DimensionAgreement(name, mean_beside_people([row.beside for row in rows if row.dimension == name]))
            for name in dict.fromkeys(row.dimension for row in rows)
        ],
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


def _rows(evidence: Evidence, picked: Chosen) -> list[SubDimensionAgreement]:
    """One row per ladder. People are compared on the very items the model is; where it has none, on all."""
    checklist, consensus = evidence.table.checklist, evidence.consensus
    has_model = len(picked.rows) > 0
    at = picked.rows if has_model else np.arange(len(consensus.items))
    levels = consensus.levels[at]
    predicted, expected = np.full(levels.shape, ABSENT, dtype=np.int8), np.zeros(levels.shape)
    p_yes = np.full((len(at), len(checklist.questions)), np.nan)
    if has_model:
        p_yes = picked.p_yes
        predicted, expected = most_likely_levels(checklist, p_yes), expected_levels(checklist, p_yes)
    judgments = side_by_side(evidence.table, consensus.items[at])
    resamples = Resamples(consensus.prompts[at], times=TIMES)
    questions = question_rows(checklist, p_yes, levels, judgments, resamples)
    names = {dimension.id: dimension.name for dimension in checklist.dimensions}
    return [
        SubDimensionAgreement(
            sub=sub,
            dimension=names[sub.dimension],
            model=level_agreement(predicted[:, column], levels[:, column]),
            people=human_agreement(judgments[:, :, column]),
            people_kappa=pairwise_kappa(judgments[:, :, column]),
            beside=beside_people(
                sorted(level.score for level in sub.levels),
                predicted[:, column],
                expected[:, column],
                levels[:, column],
                judgments[:, :, column],
                resamples,
            ),
            questions=[row for row in questions if row.sub_dimension == sub.id],
        )
        for column, sub in enumerate(checklist.ordinal)
    ]


def _worst_first(row: SubDimensionAgreement) -> tuple[bool, float, bool, float]:
    """By the gap to the human ceiling, then by the model's kappa; what cannot be said comes last."""
    gap, kappa = row.behind, row.model.kappa
    return (gap is None, -(gap or 0.0), kappa is None, kappa or 0.0)


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


@dataclass(frozen=True)
class Apart(Sequence[Disagreement]):
    """Every compared item with a consensus in a ladder, those furthest apart first; as arrays, which are small to keep.

    ``items`` int64 [n]; ``consensus`` and ``levels`` int8 [n]; ``expected`` float64 [n]; ``said`` int8 [k, n], ABSENT
    where somebody said nothing. ``basis``: what was compared.
    """

    items: NDArray[np.int64]
    consensus: NDArray[np.int8]
    levels: NDArray[np.int8]
    expected: NDArray[np.float64]
    said: NDArray[np.int8]
    basis: str

    def confusion(self, scores: Sequence[int]) -> NDArray[np.int64]:
        """Count items by people's level (rows) and the model's, int64 [k, k], levels as in ``scores`` (ascending)."""
        k = len(scores)
        at = np.searchsorted(scores, self.consensus) * k + np.searchsorted(scores, self.levels)
        return np.bincount(at, minlength=k * k).reshape(k, k).astype(np.int64)

    def only(self, consensus: int | None, level: int | None) -> Apart:
        """Keep the items where people chose ``consensus`` and the model ``level``; None keeps all."""
        kept = np.ones(len(self), dtype=np.bool_)
        if consensus is not None:
            kept &= self.consensus == consensus
        if level is not None:
            kept &= self.levels == level
        return Apart(
            items=self.items[kept],
            consensus=self.consensus[kept],
            levels=self.levels[kept],
            expected=self.expected[kept],
            said=self.said[:, kept],
            basis=self.basis,
        )

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, place: int) -> Disagreement: ...
    @overload
    def __getitem__(self, place: slice) -> list[Disagreement]: ...
    def __getitem__(self, place: int | slice) -> Disagreement | list[Disagreement]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        return Disagreement(
            item=int(self.items[place]),
            consensus=int(self.consensus[place]),
            level=int(self.levels[place]),
            expected=float(self.expected[place]),
            said=sorted(int(level) for level in self.said[:, place] if level != ABSENT),
        )


def disagreements(evidence: Evidence, basis: str, sub_dimension: str) -> Apart:
    """Compare the model with the consensus in one ladder, item by item."""
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
    return Apart(
        items=items[order],
        consensus=levels[order],
        levels=predicted[order].astype(np.int8),
        expected=expected[order],
        said=said[:, order],
        basis=picked.basis,
    )
