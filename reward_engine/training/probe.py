"""Judgments → the embedded judge: one regularized ordinal head a ladder, measured on prompts it has not seen.

Everything that is learned is learned on training rows alone: standardization, principal components, which
features a head looks at, how strongly it is restrained. After measuring, the heads that are
handed over are fitted anew on all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from reward_engine.answers import ABSENT, check_levels, harmonize, to_answers
from reward_engine.checklist import Checklist
from reward_engine.errors import TrainingError
from reward_engine.judges.base import Canceled, Progress
from reward_engine.judges.heads import Design, HeadPlan, Heads, head_plans
from reward_engine.training.baselines import Baselines
from reward_engine.training.design import (
    CHUNK,
    design_matrix,
    fit_design,
    measure_columns,
    plain_sets,
    short_groups,
)
from reward_engine.training.fitting import FittedHead
from reward_engine.training.limits import limits_of
from reward_engine.training.many import ManyRows, fold_of
from reward_engine.training.measure import Baseline, measure
from reward_engine.training.selection import FewRows
from reward_engine.training.splits import folds, held_out_groups

MIN_ITEMS = 8
MIN_PROMPTS = 4

ONE_THREAD_ROWS = 2000
"""Below this many rows the matrices are so small that a second thread makes fits several times slower."""

MANY_ROWS = 1000
"""Above this many rows heads are chosen by sums over rows (:mod:`reward_engine.training.many`), not by many fits."""

ONE_ROUND_ROWS = 20_000
"""From here on one round of held-out prompts is measured exactly enough, and what it chose is kept to."""


class FeatureTable(Protocol):
    """What training needs of :class:`reward_engine.features.Features`."""

    @property
    def values(self) -> NDArray[np.float32]: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def blocks(self) -> Mapping[str, slice]: ...


class Known(Protocol):
    """What training needs of a judge that it may build on (:class:`reward_engine.judges.probe.ProbeJudge`)."""

    @property
    def checklist(self) -> Checklist: ...

    @property
    def heads(self) -> Heads: ...


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
    prior: Known | None = None,
    measures: Mapping[str, ArrayLike] | None = None,
    progress: Progress | None = None,
    canceled: Canceled | None = None,
) -> TrainResult:
    """Train a probe on features float32 [n, f] and levels int8 [n, s].

    ``groups`` [n] are prompt ids (numbers or texts). Levels that contradict each other are harmonized.
    ``validation_share`` of the rows is held out, by prompt. With ``validation_folds`` k > 1, every prompt is held out
    once instead, by k rounds: k times the time, and metrics over all rows; from ``ONE_ROUND_ROWS`` rows on one round is
    enough, and which features each head looks at is chosen in it once. ``progress(done, total)`` counts fitted heads.

    Args:
        sample_weight: [n], how much each row counts (1).
        prior: A judge trained on other data of the same features (a demo's, say); of few rows, what its heads say is
            among the candidates of every head.
        measures: Further baselines to stand beside the judge, by name, float [n] (the bitrate of the files, say).

    Raises:
        TrainingError: It cannot be trained; with the code ``canceled`` where ``canceled()`` says so.
        DataError: For levels that are not on the checklist.
    """
    if not isinstance(features, tuple):
        features = (features.values, features.names, features.blocks)
    values, names, blocks = features
    levels = harmonize(checklist, check_levels(checklist, levels))
    weight, group_of = _check(values, names, levels, groups, sample_weight, validation_share, validation_folds)
    used = (levels != ABSENT).any(axis=1) & (weight > 0)
    _enough(used, group_of)
    rows = np.flatnonzero(used)
    group = np.unique(group_of[rows], return_inverse=True)[1].astype(np.int64)
    if not used.all():
        values, levels, weight = values[rows], levels[rows], weight[rows]
    task = _Task(
        checklist, np.asarray(values), dict(blocks), levels, group, weight, seed, progress, canceled, tuple(names),
        **_prior(prior, values.shape[1]),
    )  # fmt: skip
    large = len(rows) >= ONE_ROUND_ROWS
    validation_folds = 1 if large else validation_folds
    if validation_folds > 1:
        rounds = folds(group, validation_folds, seed)
    else:
        rounds = [held_out_groups(group, validation_share, seed)]
    task.total = len(task.plans) * (len(rounds) + 1)

    p_yes = np.full((len(rows), len(checklist.questions)), np.nan, dtype=np.float32)
    baseline = Baseline.empty(checklist, len(rows))
    others = Baselines(len(rows), len(checklist.ordinal))
    beside = {name: np.asarray(column, dtype=np.float64)[rows] for name, column in (measures or {}).items()}
    judged = np.where(levels == ABSENT, np.nan, levels.astype(np.float64))
    for held_out in rounds:
        heads, fitted = task.fit(~held_out)
        p_yes[held_out] = heads.p_yes(checklist, task.values[held_out])
        baseline.learn(checklist, task.levels[~held_out], weight[~held_out], held_out)
        others.learn(heads.design, task.values, task.names, beside, judged, group, held_out)
    heads, fitted = task.fit(np.ones(len(rows), dtype=bool), fitted if large else None)

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
        **measure(
            checklist,
            p_yes[measured],
            task.levels[measured],
            baseline.take(measured),
            group[measured],
            {name: scores[measured] for name, scores in others.scores.items()},
        ),
        "heads": {head.name: head.describe() for head in fitted},
    }
    _note_constants(checklist, task.levels, metrics)
    metrics["limits"] = [limit.to_json() for limit in limits_of(checklist, metrics)]
    all_held_out = np.zeros(len(used), dtype=bool)
    all_held_out[rows[measured]] = True
    all_p = np.full((len(used), len(checklist.questions)), np.nan, dtype=np.float32)
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
    canceled: Canceled | None
    names: tuple[str, ...] = ()
    prior: Heads | None = None
    prior_plans: tuple[HeadPlan, ...] = ()
    total: int = 0
    done: int = 0

    def __post_init__(self) -> None:
        self.plans = head_plans(self.checklist)
        self.answers = to_answers(self.checklist, self.levels)

    def fit(
        self, rows: NDArray[np.bool_], choices: Sequence[FittedHead] | None = None
    ) -> tuple[Heads, list[FittedHead]]:
        """Heads of some rows.

        Args:
            choices: Heads of other rows, whose choice of features is kept to.
        """
        with threadpool_limits(1 if len(rows) < ONE_THREAD_ROWS else None):
            at = np.flatnonzero(rows)
            many = len(at) > MANY_ROWS
            if many:
                at = at[np.argsort(fold_of(self.group[at], self.seed), kind="stable")]
            design = fit_design(self.values, self.blocks, at) if self.prior is None else self.prior.design
            groups = design.groups | short_groups(design, self.blocks)
            if many:
                fit = self._many(at, design_matrix(design, self.values, at), groups, choices)
            else:
                fit = self._few(at, design, groups)
            return self._fit(design, fit)

    def _fit(self, design: Design, fit: Callable[[int, HeadPlan], FittedHead]) -> tuple[Heads, list[FittedHead]]:
        coef = np.zeros((len(self.plans), design.width))
        thresholds = np.zeros(len(self.checklist.questions))
        fitted = []
        for index, plan in enumerate(self.plans):
            if self.canceled is not None and self.canceled():
                raise TrainingError("The training was canceled.", code="canceled")
            head = fit(index, plan)
            coef[index] = head.model.coef
            thresholds[list(plan.questions)] = head.model.thresholds
            fitted.append(head)
            self.done += 1
            if self.progress is not None:
                self.progress(self.done, self.total)
        return Heads(design, coef, thresholds), fitted

    def _few(
        self, at: NDArray[np.int64], design: Design, groups: dict[str, slice]
    ) -> Callable[[int, HeadPlan], FittedHead]:
        matrix = design.apply(self.values[at])
        y = np.full((len(at), len(self.plans)), np.nan)
        for index, plan in enumerate(self.plans):
            applies, steps = self._steps(plan, at)
            y[applies, index] = steps[applies]
        shared = FewRows(
            matrix, y, self.group[at], self.weight[at], groups, self.seed,
            sets=plain_sets(design, self.blocks), measures=measure_columns(design, self.names),
            **self._known(design),
        )  # fmt: skip
        return lambda index, plan: shared.fit_head(plan.name, index, len(plan.questions))

    def _known(self, design: Design) -> dict[str, Any]:
        """What the prior judge's heads do in its own design matrix, which is this one then."""
        if self.prior is None:
            return {}
        prior, at = self.prior, {plan.name: row for row, plan in enumerate(self.prior_plans)}
        same = {index: prior.coef[at[plan.name]] for index, plan in enumerate(self.plans) if plan.name in at}
        return {"prior": {index: coef for index, coef in same.items() if coef.any()}, "others": prior.coef}

    def _many(
        self,
        at: NDArray[np.int64],
        matrix: NDArray[np.float32],
        groups: dict[str, slice],
        choices: Sequence[FittedHead] | None,
    ) -> Callable[[int, HeadPlan], FittedHead]:
        shared = ManyRows(matrix, self.group[at], self.weight[at], groups, self.seed)

        def fit(index: int, plan: HeadPlan) -> FittedHead:
            applies, steps = self._steps(plan, at)
            choice = None if choices is None else choices[index]
            return shared.fit_head(plan.name, steps, applies, len(plan.questions), choice)

        return fit

    def _steps(self, plan: HeadPlan, at: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Where the head applies, and how many of its questions are answered with yes."""
        # A ladder is answered whole or not at all: its first question tells where the head applies.
        answers = self.answers[at][:, list(plan.questions)]
        return answers[:, 0] != 0, (answers == 1).sum(axis=1).astype(np.int64)


def _prior(prior: Known | None, width: int) -> dict[str, Any]:
    if prior is None:
        return {}
    if len(prior.heads.design.mean) != width:
        raise TrainingError(
            f"The judge to build on looks at {len(prior.heads.design.mean)} features; these are {width}. Train without "
            "it, or choose one of this version.",
            code="prior",
        )
    return {"prior": prior.heads, "prior_plans": head_plans(prior.checklist)}


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
            f"Features, levels, groups and weights must have one row per item; they have {len(values)}, {n}, "
            f"{group_of.shape} and {weight.shape}.",
            code="shape",
        )
    for start in range(0, n, CHUNK):
        spoilt = np.argwhere(~np.isfinite(values[start : start + CHUNK]))
        if not len(spoilt):
            continue
        row, column = int(spoilt[0][0]) + start, int(spoilt[0][1])
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
