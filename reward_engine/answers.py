"""Levels ↔ yes/no answers ↔ masks, on whole arrays.

Levels: int8 [n, s] on the axis ``checklist.ordinal``; :data:`ABSENT` where nothing was judged.
Answers: int8 [n, q] on the axis ``checklist.questions``; −1 no, +1 yes, 0 masked or not judged.

Choosing a level answers its whole ladder: yes to every question at or below it, no to those above. Where
there is none of something (no face, no hands), the presence question is answered no and the questions
behind it do not apply: 0, not −1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.checklist import Checklist, SubDimension
from reward_engine.errors import DataError

ABSENT = -128
"""The level of a sub-dimension that was not judged."""


def to_answers(checklist: Checklist, levels: ArrayLike) -> NDArray[np.int8]:
    """Turn levels int8 [n, s] into the answers int8 [n, q] that they imply.

    Raises:
        DataError: Naming row and sub-dimension, where a level is not on its ladder or where levels contradict each
            other (a level for the lighting's beauty where there is no lighting); see :func:`harmonize`.
    """
    levels = check_levels(checklist, levels)
    harmonious = harmonize(checklist, levels)
    if not np.array_equal(levels, harmonious):
        row, column = (int(i) for i in np.argwhere(levels != harmonious)[0])
        sub = checklist.ordinal[column]
        owner = checklist.sub_dimension(sub.mask.owner) if sub.mask else sub
        raise DataError(
            f"Row {row}: the level {_say(levels[row, column])} of “{sub.name}” contradicts the level "
            f"{_say(levels[row, checklist.ordinal_index(owner.id)])} of “{owner.name}”. "
            "Run harmonize() on levels that people gave.",
            code="inconsistent_levels",
        )
    answers = np.zeros((len(levels), len(checklist.questions)), dtype=np.int8)
    for column, sub in enumerate(checklist.ordinal):
        level = levels[:, column]
        known = level != ABSENT
        if sub.masked_by_other:
            known = known & (level != sub.lowest)
        for question in sub.questions:
            applies = known
            if sub.mask and sub.mask.owner == sub.id and not question.is_presence:
                applies = known & (level != sub.lowest)
            answers[:, checklist.question_index(question.id)] = np.where(
                applies, np.where(level >= question.threshold, 1, -1), 0
            )
    return answers


def to_levels(checklist: Checklist, answers: ArrayLike) -> NDArray[np.int8]:
    """Turn answers int8 [n, q] back into levels int8 [n, s].

    The exact inverse of :func:`to_answers`.

    Raises:
        DataError: Naming row and question, where a ladder is not monotone (yes to "very clear", no to "clear"), where
            it is answered in part, or where a masked question is answered.
    """
    answers = np.asarray(answers)
    if answers.ndim != 2 or answers.shape[1] != len(checklist.questions):
        raise DataError(
            f"Answers must have the shape [n, {len(checklist.questions)}] for “{checklist.name}”; "
            f"this array has {answers.shape}.",
            code="shape",
        )
    if not np.isin(answers, (-1, 0, 1)).all():
        row, column = (int(i) for i in np.argwhere(~np.isin(answers, (-1, 0, 1)))[0])
        raise DataError(
            f"Row {row}, “{checklist.questions[column].id}”: {answers[row, column]} is no answer; "
            "answers are −1 (no), 0 (masked) and 1 (yes).",
            code="not_an_answer",
        )
    answers = answers.astype(np.int8)
    levels = np.full((len(answers), len(checklist.ordinal)), ABSENT, dtype=np.int8)
    for column, sub in enumerate(checklist.ordinal):
        indices = [checklist.question_index(question.id) for question in sub.questions]
        ladder = answers[:, indices]
        if sub.mask is None:
            base, gate = sub.lowest, np.ones(len(answers), dtype=np.int8)
        else:
            gate = answers[:, checklist.question_index(sub.mask.question)]
            base = sub.lowest + 1
            if sub.mask.owner == sub.id:
                ladder, indices = ladder[:, 1:], indices[1:]
        # An own presence question must be answered before the rest; another ladder may simply not be judged.
        closed = gate == -1 if sub.masked_by_other else gate <= 0
        _require(checklist, closed[:, None] & (ladder != 0), indices, "is answered although it does not apply")
        answered = ladder != 0
        partly = answered.any(axis=1, keepdims=True) & ~answered
        _require(checklist, partly, indices, "has no answer although others of its sub-dimension have one")
        broken = np.zeros_like(ladder, dtype=bool)
        broken[:, 1:] = ladder[:, 1:] > ladder[:, :-1]
        _require(checklist, broken, indices, "is answered yes although the question below it is answered no")
        if sub.mask is not None and sub.mask.owner == sub.id and indices:
            _require(
                checklist,
                ((gate == 1)[:, None] & ~answered),
                indices,
                "has no answer although it applies",
            )
        judged = answered.any(axis=1) if indices else gate == 1
        level = base + (ladder == 1).sum(axis=1)
        levels[:, column] = np.where(judged, level, ABSENT)
        if sub.mask is not None:
            levels[gate == -1, column] = sub.lowest
    return levels


def harmonize(checklist: Checklist, levels: ArrayLike) -> NDArray[np.int8]:
    """Make levels consistent between a ladder and those that hang on its presence.

    Takes and returns int8 [n, s]. Where the owner says "there is none", its dependents are at their lowest level. Where
    the owner is present, or was not judged, a dependent cannot be at its lowest ("there is none"): it becomes ABSENT.
    """
    levels = check_levels(checklist, levels).copy()
    for column, sub in enumerate(checklist.ordinal):
        if not sub.masked_by_other or sub.mask is None:
            continue
        owner = checklist.sub_dimension(sub.mask.owner)
        owner_level = levels[:, checklist.ordinal_index(owner.id)]
        none = owner_level == owner.lowest
        impossible = ~none & (levels[:, column] == sub.lowest)
        levels[impossible, column] = ABSENT
        levels[none, column] = sub.lowest
    return levels


def to_masks(answers: ArrayLike) -> NDArray[np.int8]:
    """Mark which questions apply and are answered.

    Returns int8 [n, q]: 1 where so, 0 where masked or not judged.
    """
    return np.not_equal(answers, 0).astype(np.int8)


def implied(checklist: Checklist, sub_dimension: str, level: int) -> dict[str, int]:
    """Find which further levels follow from this choice.

    Returns ``{sub-dimension: level}`` of its dependents: empty where the owner is present, for nothing follows then,
    but the dependents are open again.
    """
    sub = checklist.sub_dimension(sub_dimension)
    if level != sub.lowest:
        return {}
    return {dependent.id: dependent.lowest for dependent in checklist.dependents(sub_dimension)}


def check_levels(checklist: Checklist, levels: ArrayLike) -> NDArray[np.int8]:
    """Check the shape and range of levels, and return them as int8 [n, s].

    Raises:
        DataError: Naming row and sub-dimension.
    """
    array = np.asarray(levels)
    if array.ndim != 2 or array.shape[1] != len(checklist.ordinal):
        raise DataError(
            f"Levels must have the shape [n, {len(checklist.ordinal)}] for “{checklist.name}”; "
            f"this array has {array.shape}.",
            code="shape",
        )
    lowest = np.array([sub.lowest for sub in checklist.ordinal])
    highest = np.array([sub.highest for sub in checklist.ordinal])
    wrong = (array != ABSENT) & ((array < lowest) | (array > highest))
    if wrong.any():
        row, column = (int(i) for i in np.argwhere(wrong)[0])
        sub: SubDimension = checklist.ordinal[column]
        raise DataError(
            f"Row {row}: “{sub.name}” has no level {array[row, column]}; its levels are {sub.lowest} to {sub.highest}.",
            code="no_level",
        )
    return array.astype(np.int8)


def _say(level: Any) -> str:
    return "(not judged)" if level == ABSENT else str(int(level))


def _require(checklist: Checklist, wrong: NDArray[np.bool_], indices: list[int], complaint: str) -> None:
    if wrong.any():
        row, column = (int(i) for i in np.argwhere(wrong)[0])
        question = checklist.questions[indices[column]]
        raise DataError(f"Row {row}: the question “{question.id}” {complaint}.", code="inconsistent_answers")
