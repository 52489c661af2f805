"""P(yes) along ladders: made monotone, gated by masks, turned into levels.

A judge may answer questions one by one, and then "very clear" may come out likelier than "clear". The
isotonic projection (Barlow, Bartholomew, Bremner & Brunk 1972) is the nearest ladder, in least squares,
that never rises; it keeps the sum of the P(yes), and with it the expected level.

P(yes) is float [n, q] on the axis ``checklist.questions``, each *given that its question applies*. A
presence question that stands for its own ladder alone ("is there a face?") decides whether the rest applies
and is no step of it: the steps behind it are projected, it is not.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.checklist import Checklist, SubDimension
from reward_engine.errors import DataError


def isotonic(steps: ArrayLike) -> NDArray[np.float64]:
    """Find the nearest sequences float64 [..., k] that never rise.

    Uses ŷ_i = min_{a ≤ i} max_{b ≥ i} mean(y_a … y_b), the min-max form of the projection: exact, and vectorized over
    everything but the k steps of a ladder, which are few.
    """
    y = np.asarray(steps, dtype=np.float64)
    k = y.shape[-1]
    if k < 2:
        return y.copy()
    total = np.concatenate([np.zeros((*y.shape[:-1], 1)), np.cumsum(y, axis=-1)], axis=-1)
    projected = np.full(y.shape, np.inf)
    for start in range(k):
        means = (total[..., start + 1 :] - total[..., start, None]) / np.arange(1, k - start + 1)
        highest = np.maximum.accumulate(means[..., ::-1], axis=-1)[..., ::-1]
        projected[..., start:] = np.minimum(projected[..., start:], highest)
    rising = (y[..., 1:] > y[..., :-1]).any(axis=-1, keepdims=True)
    return np.where(rising, projected, y)  # what needed no change is not touched by rounding


def monotone(checklist: Checklist, p_yes: ArrayLike) -> NDArray[np.float64]:
    """Project every ladder of P(yes) float64 [n, q] onto those that never rise.

    Raises:
        DataError: Shapes or values do not fit.
    """
    p = check_probabilities(checklist, p_yes).copy()
    by_length: dict[int, list[list[int]]] = defaultdict(list)
    for sub in checklist.ordinal:
        columns = step_columns(checklist, sub)
        by_length[len(columns)].append(columns)
    for length, ladders in by_length.items():
        if length > 1:
            together = np.array(ladders)  # [ladders, steps]
            p[:, together] = np.clip(isotonic(p[:, together]), 0.0, 1.0)
    return p


def applies(checklist: Checklist, p_yes: ArrayLike) -> NDArray[np.float64]:
    """Compute the probability that each question applies, float64 [n, q].

    It is P(present) behind a presence question, else 1.
    """
    p = check_probabilities(checklist, p_yes)
    gate = checklist.question_mask
    return np.asarray(np.where(gate >= 0, p[:, gate], 1.0))


def level_probabilities(steps: ArrayLike) -> NDArray[np.float64]:
    """Compute P(level) of a ladder from its steps.

    Takes P(yes) of the k steps [n, k], which it makes monotone first; returns float64 [n, k + 1].
    """
    above = isotonic(steps)
    ones = np.ones((*above.shape[:-1], 1))
    return np.asarray(np.concatenate([ones, above], axis=-1) - np.concatenate([above, 0.0 * ones], axis=-1))


def distribution(checklist: Checklist, sub: SubDimension, p_yes: ArrayLike) -> NDArray[np.float64]:
    """Compute P(level) of one sub-dimension, float64 [n, levels]; rows add up to 1.

    Behind a presence question, the lowest level ("there is none") has the probability of a no, and the others share the
    rest.
    """
    p = check_probabilities(checklist, p_yes)
    behind = level_probabilities(p[:, step_columns(checklist, sub)])
    gate = gate_column(checklist, sub)
    if gate is None:
        return behind
    present = p[:, gate, None]
    return np.hstack([1.0 - present, present * behind])


def expected_levels(checklist: Checklist, p_yes: ArrayLike) -> NDArray[np.float64]:
    """Compute the mean level of each ladder under P(yes).

    Takes [n, q]; returns float64 [n, s]. The levels of a ladder are 1 apart, so that the mean is the lowest level plus
    the sum of the P(yes); the projection keeps that sum and need not be made here.
    """
    p = check_probabilities(checklist, p_yes)
    levels = np.empty((len(p), len(checklist.ordinal)))
    for column, sub in enumerate(checklist.ordinal):
        steps = p[:, step_columns(checklist, sub)].sum(axis=1)
        gate = gate_column(checklist, sub)
        levels[:, column] = sub.lowest + (steps if gate is None else p[:, gate] * (1.0 + steps))
    return levels


def most_likely_levels(checklist: Checklist, p_yes: ArrayLike) -> NDArray[np.int8]:
    """Find the likeliest level of each ladder.

    Takes P(yes) [n, q]; returns int8 [n, s]. Where a presence question is likelier no than yes, it is the lowest level;
    else the likeliest of the others. The levels of owners and dependents therefore never contradict each other.
    """
    p = monotone(checklist, p_yes)
    levels = np.empty((len(p), len(checklist.ordinal)), dtype=np.int8)
    for column, sub in enumerate(checklist.ordinal):
        steps = p[:, step_columns(checklist, sub)]
        gate = gate_column(checklist, sub)
        if gate is None and sub.owns_presence:  # a plain ladder whose first step decides over another ladder
            gate, first = checklist.question_index(sub.questions[0].id), np.maximum(steps[:, :1], 1e-12)
            steps = np.minimum(steps[:, 1:] / first, 1.0)
        mode = np.argmax(level_probabilities(steps), axis=1)
        levels[:, column] = (
            sub.lowest + mode if gate is None else np.where(p[:, gate] >= 0.5, sub.lowest + 1 + mode, sub.lowest)
        )
    return levels


def step_columns(checklist: Checklist, sub: SubDimension) -> list[int]:
    """Find the positions of the questions that form one falling ladder.

    These are all of a plain ladder, and those behind a presence question of its own.
    """
    own = sub.mask is not None and sub.mask.owner == sub.id
    return [checklist.question_index(question.id) for question in sub.questions[1 if own else 0 :]]


def gate_column(checklist: Checklist, sub: SubDimension) -> int | None:
    """Find the presence question that decides whether a ladder applies.

    Returns its position; None where none does.
    """
    return None if sub.mask is None else checklist.question_index(sub.mask.question)


def check_probabilities(checklist: Checklist, p_yes: ArrayLike) -> NDArray[np.float64]:
    """Check P(yes), and return it as float64 [n, q].

    Raises:
        DataError: Naming row and question.
    """
    p = np.asarray(p_yes, dtype=np.float64)
    if p.ndim != 2 or p.shape[1] != len(checklist.questions):
        raise DataError(
            f"P(yes) must have the shape [n, {len(checklist.questions)}] for “{checklist.name}”; "
            f"this array has {p.shape}.",
            code="shape",
        )
    bad = ~((p >= 0.0) & (p <= 1.0))  # catches NaN as well
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise DataError(
            f"Row {row}, “{checklist.questions[column].id}”: P(yes) must lie in [0, 1]; it is {p[row, column]}.",
            code="range",
        )
    return p
