"""Judgments → the embedded judge: one regularised ordinal head a ladder, measured on prompts it has not seen.

Everything that is learnt is learnt on training rows alone: standardisation, principal components, which
features a head looks at, how strongly it is restrained. After measuring, the heads that are
handed over are fitted anew on all rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from reward_engine.answers import ABSENT, check_levels, harmonise, to_answers
from reward_engine.checklist import Checklist
from reward_engine.errors import TrainingError
from reward_engine.judges.base import Cancelled, Progress
from reward_engine.judges.heads import HeadPlan, Heads, head_plans
from reward_engine.training.design import fit_design, short_groups
from reward_engine.training.fitting import FittedHead, fit_head
from reward_engine.training.measure import Baseline, measure
from reward_engine.training.splits import folds, held_out_groups

MIN_ITEMS = 8
MIN_PROMPTS = 4

ONE_THREAD_ROWS = 2000
"""Below this many rows the matrices are so small that a second thread makes fits several times slower."""


class FeatureTable(Protocol):
    """What training needs of :class:`reward_engine.features.Features`."""

    @property
    def values(self) -> NDArray[np.float32]: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def blocks(self) -> Mapping[str, slice]: ...


@dataclass(frozen=True)
class TrainResult:
    """``heads``: fitted on all rows. ``metrics``: plain data, measured on held-out prompts.

    ``held_out``: bool [n], the rows measured on; ``held_out_p_yes``: float32 [n, q], what heads that had not
    seen a row's prompt said about it, NaN in other rows. ``names``: the features' names.
    """

    checklist: Checklist
    heads: Heads
    metrics: dict[str, Any]
    held_out: NDArray[np.bool_]
    held_out_p_yes: NDArray[np.float32]
    names: tuple[str, ...]
    seed: int


def train_probe(
    checklist: Checklist,
    features: FeatureTable | tuple[NDArray[np.float32], tuple[str, ...], Mapping[str, slice]],
    levels: ArrayLike,
    groups: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    seed: int,
    validation_share: float = 0.25,
    validation_folds: int = 1,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> TrainResult:
    """Train on features float32 [n, f], levels int8 [n, s] and prompt ids ``groups`` [n] (numbers or texts).

    Levels that contradict each other are harmonised. ``sample_weight`` [n]: how much each row counts (1).
    ``validation_share`` of the rows is held out, by prompt. With ``validation_folds`` k > 1, every prompt is
    held out once instead, by k rounds: k times the time, and metrics over all rows.
    ``progress(done, total)`` counts fitted heads. Raises TrainingError, and with the code ``cancelled``
    where ``cancelled()`` says so; DataError for levels that are not on the checklist.
    """
    if not isinstance(features, tuple):
        features = (features.values, features.names, features.blocks)
    values, names, blocks = features
    levels = harmonise(checklist, check_levels(checklist, levels))
    weight, group_of = _check(values, names, levels, groups, sample_weight, validation_share, validation_folds)
    used = (levels != ABSENT).any(axis=1) & (weight > 0)
    _enough(used, group_of)
    rows = np.flatnonzero(used)
    group = np.unique(group_of[rows], return_inverse=True)[1].astype(np.int64)
    task = _Task(
        checklist, np.asarray(values[rows]), dict(blocks), levels[rows], group, weight[rows], seed, progress, cancelled
    )
    if validation_folds > 1:
        rounds = folds(group, validation_folds, seed)
    else:
        rounds = [held_out_groups(group, validation_share, seed)]
    task.total = len(task.plans) * (len(rounds) + 1)

    p_yes = np.full((len(rows), len(checklist.questions)), np.nan, dtype=np.float32)
    baseline = Baseline.empty(checklist, len(rows))
    for held_out in rounds:
        heads, _ = task.fit(~held_out)
        p_yes[held_out] = heads.p_yes(checklist, task.values[held_out])
        baseline.learn(checklist, task.levels[~held_out], weight[rows][~held_out], held_out)
    heads, fitted = task.fit(np.ones(len(rows), dtype=bool))

    measured: NDArray[np.bool_] = np.asarray(np.isfinite(p_yes).all(axis=1))
    metrics: dict[str, Any] = {
        "validation": {
            "split": "by prompt",
            "items": int(measured.sum()),
            "prompts": len(np.unique(group[measured])),
            "folds": len(rounds) if validation_folds > 1 else 1,
            "share": float(validation_share) if validation_folds <= 1 else None,
        },
        "training": {
            "items": len(rows),
            "prompts": int(group.max()) + 1,
            "note": "After measuring, the heads were fitted anew on all items.",
        },
        **measure(checklist, p_yes[measured], task.levels[measured], baseline.take(measured)),
        "heads": {head.name: head.describe() for head in fitted},
    }
    _note_constants(checklist, task.levels, metrics)
    all_held_out = np.zeros(len(levels), dtype=bool)
    all_held_out[rows[measured]] = True
    all_p = np.full((len(levels), len(checklist.questions)), np.nan, dtype=np.float32)
    all_p[rows] = p_yes
    return TrainResult(checklist, heads, metrics, all_held_out, all_p, tuple(names), seed)


@dataclass
class _Task:
    """What all fits of one training share."""

    checklist: Checklist
    values: NDArray[np.float32]
    blocks: dict[str, slice]
    levels: NDArray[np.int8]
    group: NDArray[np.int64]
    weight: NDArray[np.float64]
    seed: int
    progress: Progress | None
    cancelled: Cancelled | None
    total: int = 0
    done: int = 0

    def __post_init__(self) -> None:
        self.plans = head_plans(self.checklist)
        self.answers = to_answers(self.checklist, self.levels)

    def fit(self, rows: NDArray[np.bool_]) -> tuple[Heads, list[FittedHead]]:
        with threadpool_limits(1 if len(rows) < ONE_THREAD_ROWS else None):
            return self._fit(rows)

    def _fit(self, rows: NDArray[np.bool_]) -> tuple[Heads, list[FittedHead]]:
        design = fit_design(self.values[rows], self.blocks)
        matrix = design.apply(self.values[rows])
        groups = design.groups | short_groups(design, self.blocks)
        coef = np.zeros((len(self.plans), design.width))
        thresholds = np.zeros(len(self.checklist.questions))
        fitted = []
        for index, plan in enumerate(self.plans):
            if self.cancelled is not None and self.cancelled():
                raise TrainingError("The training was cancelled.", code="cancelled")
            head = self._fit_head(plan, rows, matrix, groups)
            coef[index] = head.model.coef
            thresholds[list(plan.questions)] = head.model.thresholds
            fitted.append(head)
            self.done += 1
            if self.progress is not None:
                self.progress(self.done, self.total)
        return Heads(design, coef, thresholds), fitted

    def _fit_head(
        self, plan: HeadPlan, rows: NDArray[np.bool_], matrix: NDArray[np.float64], groups: dict[str, slice]
    ) -> FittedHead:
        # A ladder is answered whole or not at all: its first question tells where the head applies.
        answers = self.answers[rows][:, list(plan.questions)]
        applies = answers[:, 0] != 0
        steps = (answers[applies] == 1).sum(axis=1).astype(np.int64)
        return fit_head(
            plan.name,
            matrix[applies],
            steps,
            len(plan.questions),
            self.group[rows][applies],
            self.weight[rows][applies],
            groups,
            self.seed,
        )


def _check(
    values: NDArray[np.float32],
    names: tuple[str, ...],
    levels: NDArray[np.int8],
    groups: ArrayLike,
    sample_weight: ArrayLike | None,
    share: float,
    rounds: int,
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    n = len(levels)
    group_of = np.asarray(groups)
    weight = np.ones(n) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(names):
        raise TrainingError(f"There are {len(names)} names for features of the shape {values.shape}.", code="shape")
    if len(values) != n or group_of.shape != (n,) or weight.shape != (n,):
        raise TrainingError(
            f"Features, levels, groups and weights must have one row an item each; they have {len(values)}, {n}, "
            f"{group_of.shape} and {weight.shape}.",
            code="shape",
        )
    if not np.isfinite(values).all():
        row, column = (int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise TrainingError(f"Row {row}: the feature “{names[column]}” is not a finite number.", code="finite")
    if not (np.isfinite(weight).all() and (weight >= 0).all()):
        raise TrainingError("Sample weights must be finite and not negative.", code="range")
    if not 0 < share < 1:
        raise TrainingError(f"The validation share must lie between 0 and 1; it is {share}.", code="range")
    if rounds < 1:
        raise TrainingError(f"There must be at least one validation fold; there are {rounds}.", code="range")
    return weight, group_of


def _enough(used: NDArray[np.bool_], groups: NDArray[Any]) -> None:
    items, prompts = int(used.sum()), len(np.unique(groups[used]))
    if items < MIN_ITEMS or prompts < MIN_PROMPTS:
        raise TrainingError(
            f"There are judgments for {items} items of {prompts} prompts; training needs at least {MIN_ITEMS} items "
            f"of {MIN_PROMPTS} prompts, so that some prompts can be kept apart for measuring. "
            "Annotate more items, or items of more prompts, and train again.",
            code="too_few",
        )


def _note_constants(checklist: Checklist, levels: NDArray[np.int8], metrics: dict[str, Any]) -> None:
    """Say at each question whether all training rows gave the same answer (or there was none)."""
    answers = to_answers(checklist, levels)
    for sub in checklist.ordinal:
        for question in sub.questions:
            column = answers[:, checklist.question_index(question.id)]
            seen = column[column != 0]
            entry = metrics["sub_dimensions"][sub.id]["questions"][question.id]
            entry["n_training"] = len(seen)
            entry["constant"] = len(np.unique(seen)) < 2
