"""The arithmetic of the embedded judge: features → design matrix → P(yes), in numpy alone.

A *head* answers one ladder with one direction in feature space and one threshold a question:
P(yes to question k) = σ(w·x − θ_k) with ascending θ. Yes to "very clear" can therefore never be likelier
than yes to "clear" (proportional odds, McCullagh 1980).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reward_engine.checklist import Checklist
from reward_engine.errors import ArtifactError, DataError

CLIP = 5.0
"""Standardized features end here, in deviations: one freak value must not decide."""

SQUARE_CLIP = 9.0

CHUNK = 4096
"""Rows that are answered at a time, so that memory stays small."""


@dataclass(frozen=True)
class HeadPlan:
    """Which questions a head answers.

    ``questions`` ascending along the ladder; ``sub`` its position on ``ordinal``.

    ``name`` is the sub-dimension's id, with ``:presence`` where the head answers the presence question alone.
    """

    name: str
    sub: int
    questions: tuple[int, ...]


def head_plans(checklist: Checklist) -> tuple[HeadPlan, ...]:
    """Plan one head for each sub-dimension.

    A presence question that stays apart from the other questions of its sub-dimension gets one of its own.
    """
    plans = []
    for column, sub in enumerate(checklist.ordinal):
        questions = tuple(checklist.question_index(question.id) for question in sub.questions)
        if sub.mask is not None and sub.mask.owner == sub.id:
            plans.append(HeadPlan(f"{sub.id}:presence", column, questions[:1]))
            questions = questions[1:]
        if questions:
            plans.append(HeadPlan(sub.id, column, questions))
    return tuple(plans)


@dataclass(frozen=True)
class Design:
    """How raw features [n, f] become a design matrix [n, m].

    Columns: the plain features standardized; their squares (too dark and too bright are both bad); then the principal
    components of each wide block. ``mean`` and ``inverse_scale`` float64 [f] (0 where a feature was constant);
    ``plain`` int64: the columns that stay as they are; ``components``: for each wide block its columns and float64 [k,
    columns].
    """

    mean: NDArray[np.float64]
    inverse_scale: NDArray[np.float64]
    plain: NDArray[np.int64]
    components: Mapping[str, tuple[slice, NDArray[np.float64]]]

    @property
    def groups(self) -> dict[str, slice]:
        """The columns of the design matrix by where they come from."""
        p = len(self.plain)
        groups = {"plain": slice(0, p), "squares": slice(p, 2 * p)}
        start = 2 * p
        for name, (_, matrix) in self.components.items():
            groups[name] = slice(start, start + len(matrix))
            start += len(matrix)
        return groups

    @property
    def width(self) -> int:
        return 2 * len(self.plain) + sum(len(matrix) for _, matrix in self.components.values())

    def apply(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Build the design matrix float64 [n, m] of raw features.

        Raises:
            DataError: For a wrong width or values that are not finite.
        """
        if values.ndim != 2 or values.shape[1] != len(self.mean):
            raise DataError(
                f"Features must have the shape [n, {len(self.mean)}] for this model; this array has {values.shape}.",
                code="shape",
            )
        if not np.isfinite(values).all():
            row, column = (int(i) for i in np.argwhere(~np.isfinite(values))[0])
            raise DataError(f"Row {row}: feature {column} is {values[row, column]}; it must be finite.", code="finite")
        standard = np.clip((values - self.mean) * self.inverse_scale, -CLIP, CLIP)
        plain = standard[:, self.plain]
        squares = (np.minimum(plain**2, SQUARE_CLIP) - 1.0) * 0.5 * (self.inverse_scale[self.plain] > 0)
        return np.hstack([plain, squares, *(standard[:, at] @ matrix.T for at, matrix in self.components.values())])


@dataclass(frozen=True)
class Heads:
    """All heads of a checklist.

    ``coef`` float64 [heads, m] on the order of :func:`head_plans`, ``thresholds`` float64 [q].
    """

    design: Design
    coef: NDArray[np.float64]
    thresholds: NDArray[np.float64]

    def p_yes(self, checklist: Checklist, values: NDArray[Any]) -> NDArray[np.float32]:
        """Compute P(yes, given that the question applies) from raw features.

        Takes [n, f]; returns float32 [n, q].
        """
        rows = range(0, max(len(values), 1), CHUNK)
        scores = np.concatenate([self.design.apply(values[at : at + CHUNK]) @ self.coef.T for at in rows])
        head = np.empty(len(checklist.questions), dtype=np.int64)
        for index, plan in enumerate(head_plans(checklist)):
            head[list(plan.questions)] = index
        return sigmoid(scores[:, head] - self.thresholds).astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """List everything as named arrays; :meth:`from_arrays` reads them back exactly."""
        found: dict[str, NDArray[Any]] = {
            "mean": self.design.mean,
            "inverse_scale": self.design.inverse_scale,
            "plain": self.design.plain,
            "coef": self.coef,
            "thresholds": self.thresholds,
        }
        for index, (name, (at, matrix)) in enumerate(self.design.components.items()):
            found[f"block.{index}.{name}.columns"] = np.array([at.start, at.stop], dtype=np.int64)
            found[f"block.{index}.{name}.components"] = matrix
        return found

    @classmethod
    def from_arrays(cls, checklist: Checklist, arrays: Mapping[str, NDArray[Any]]) -> Heads:
        """Take the heads out of named arrays.

        Raises:
            ArtifactError: If an array is missing or does not fit the checklist.
        """
        try:
            blocks = sorted(
                (int(key.split(".", 2)[1]), key.split(".", 2)[2].removesuffix(".columns"))
                for key in arrays
                if key.startswith("block.") and key.endswith(".columns")
            )
            components = {}
            for index, name in blocks:
                start, stop = (int(edge) for edge in arrays[f"block.{index}.{name}.columns"])
                components[name] = (slice(start, stop), arrays[f"block.{index}.{name}.components"])
            design = Design(arrays["mean"], arrays["inverse_scale"], arrays["plain"], components)
            heads = cls(design, arrays["coef"], arrays["thresholds"])
        except (KeyError, ValueError, IndexError) as error:
            raise ArtifactError(f"The model lacks an array or has a misshapen one ({error}).", code="arrays") from error
        heads._check(checklist)
        return heads

    def _check(self, checklist: Checklist) -> None:
        plans = head_plans(checklist)
        features = len(self.design.mean)
        fits = (
            self.coef.shape == (len(plans), self.design.width)
            and self.thresholds.shape == (len(checklist.questions),)
            and self.design.inverse_scale.shape == (features,)
            and bool(((self.design.plain >= 0) & (self.design.plain < features)).all())
            and all(
                0 <= at.start <= at.stop <= features and matrix.shape[1:] == (at.stop - at.start,)
                for at, matrix in self.design.components.values()
            )
        )
        finite = all(np.isfinite(array).all() for array in self.arrays().values())
        rising = fits and all((np.diff(self.thresholds[list(plan.questions)]) >= 0).all() for plan in plans)
        if not (fits and finite and rising):
            raise ArtifactError(
                f"The model's arrays do not fit the checklist “{checklist.name}”; train it again.", code="arrays"
            )


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute 1 / (1 + e^−x) without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)
