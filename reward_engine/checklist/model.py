"""A checklist: dimensions › sub-dimensions › levels, and the yes/no question between each two levels.

Everything here is immutable. ``content_hash`` identifies what a checklist says, whatever the
formatting of the file it came from; stored judgments and models refer to it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from reward_engine.errors import ChecklistError
from reward_engine.storage import sha256

MediaType: TypeAlias = Literal["image", "video"]
Kind: TypeAlias = Literal["ordinal", "category"]


@dataclass(frozen=True, slots=True)
class Level:
    """One step of a ladder.

    An integer score, a short name, and a line on what one would see.
    """

    score: int
    name: str
    guidance: str


@dataclass(frozen=True, slots=True)
class Question:
    """A yes/no question: yes exactly where the sub-dimension's level is at least ``threshold``.

    ``text`` may contain ``{prompt}``. ``is_presence`` marks the question "is there one at all?",
    which decides whether others apply.
    """

    id: str
    text: str
    sub_dimension: str
    threshold: int
    is_presence: bool = False

    def render(self, prompt: str) -> str:
        """Put the prompt in its place in the text."""
        return self.text.replace("{prompt}", prompt)


@dataclass(frozen=True, slots=True)
class Mask:
    """Which question decides whether others apply.

    Where ``question`` (of the sub-dimension ``owner``) is answered no, the masked questions do not.
    """

    question: str
    owner: str


@dataclass(frozen=True, slots=True)
class AppliesWhen:
    """A category is asked for only where ``sub_dimension`` is below the level ``below``."""

    sub_dimension: str
    below: int


@dataclass(frozen=True, slots=True)
class SubDimension:
    """One ladder. ``levels`` and ``questions`` ascend; a category has levels and no questions.

    ``mask``: the presence question that decides whether this sub-dimension applies. It is the ladder's
    own first question ("is there a face?") or another ladder's; then the lowest level here means
    "absent" and is implied by the owner's, so that it needs no question of its own.
    """

    id: str
    name: str
    description: str
    dimension: str
    kind: Kind
    levels: tuple[Level, ...]
    questions: tuple[Question, ...]
    mask: Mask | None = None
    applies_when: AppliesWhen | None = None
    published: str = ""

    @property
    def lowest(self) -> int:
        return self.levels[0].score

    @property
    def highest(self) -> int:
        return self.levels[-1].score

    @property
    def scores(self) -> tuple[int, ...]:
        return tuple(level.score for level in self.levels)

    @property
    def is_ordinal(self) -> bool:
        return self.kind == "ordinal"

    @property
    def masked_by_other(self) -> bool:
        """Whether another sub-dimension's presence question decides if this one applies."""
        return self.mask is not None and self.mask.owner != self.id

    @property
    def owns_presence(self) -> bool:
        return any(question.is_presence for question in self.questions)

    def level(self, score: int) -> Level:
        """Look up the level with this score.

        Raises:
            ChecklistError: If there is none.
        """
        for level in self.levels:
            if level.score == score:
                return level
        raise ChecklistError(
            f"“{self.name}” has no level {score}; its levels are {self.lowest} to {self.highest}.", code="no_level"
        )


@dataclass(frozen=True, slots=True)
class Dimension:
    """A dimension and its sub-dimensions."""

    id: str
    name: str
    sub_dimensions: tuple[SubDimension, ...]


@dataclass(frozen=True)
class Checklist:
    """The axes of every array in the engine.

    ``ordinal`` is the axis of level arrays (int8 [n, s]); ``questions`` the axis of answers, probabilities
    and weights ([n, q]); ``dimensions`` the axis of per-dimension rewards ([n, d]).
    """

    id: str
    media_type: MediaType
    name: str
    version: int
    dimensions: tuple[Dimension, ...]

    @cached_property
    def sub_dimensions(self) -> tuple[SubDimension, ...]:
        """All of them in order, categories too."""
        return tuple(sub for dimension in self.dimensions for sub in dimension.sub_dimensions)

    @cached_property
    def ordinal(self) -> tuple[SubDimension, ...]:
        return tuple(sub for sub in self.sub_dimensions if sub.is_ordinal)

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        return tuple(question for sub in self.ordinal for question in sub.questions)

    @cached_property
    def _question_index(self) -> dict[str, int]:
        return {question.id: index for index, question in enumerate(self.questions)}

    @cached_property
    def _ordinal_index(self) -> dict[str, int]:
        return {sub.id: index for index, sub in enumerate(self.ordinal)}

    @cached_property
    def _sub_dimension(self) -> dict[str, SubDimension]:
        return {sub.id: sub for sub in self.sub_dimensions}

    def sub_dimension(self, id: str) -> SubDimension:
        """Look up the sub-dimension of this id.

        Raises:
            ChecklistError: If there is none of this id.
        """
        try:
            return self._sub_dimension[id]
        except KeyError:
            raise ChecklistError(
                f"The checklist “{self.name}” has no sub-dimension “{id}”.", code="no_sub_dimension"
            ) from None

    def question_index(self, id: str) -> int:
        """Look up a question's position on the question axis.

        Raises:
            ChecklistError: For an unknown id.
        """
        try:
            return self._question_index[id]
        except KeyError:
            raise ChecklistError(f"The checklist “{self.name}” has no question “{id}”.", code="no_question") from None

    def ordinal_index(self, id: str) -> int:
        """Look up a sub-dimension's position on the axis of level arrays.

        Raises:
            ChecklistError: For an unknown id or a category.
        """
        try:
            return self._ordinal_index[id]
        except KeyError:
            raise ChecklistError(
                f"The checklist “{self.name}” has no ordinal sub-dimension “{id}”.", code="no_sub_dimension"
            ) from None

    @cached_property
    def question_sub_dimension(self) -> NDArray[np.int64]:
        """int64 [q]: position of each question's sub-dimension on the axis ``ordinal``."""
        return np.array([self._ordinal_index[question.sub_dimension] for question in self.questions], dtype=np.int64)

    @cached_property
    def ordinal_dimension(self) -> NDArray[np.int64]:
        """int64 [s]: position of each ordinal sub-dimension's dimension on the axis ``dimensions``."""
        position = {dimension.id: index for index, dimension in enumerate(self.dimensions)}
        return np.array([position[sub.dimension] for sub in self.ordinal], dtype=np.int64)

    @cached_property
    def question_dimension(self) -> NDArray[np.int64]:
        """int64 [q]: position of each question's dimension on the axis ``dimensions``."""
        return self.ordinal_dimension[self.question_sub_dimension]

    @cached_property
    def question_mask(self) -> NDArray[np.int64]:
        """Position of the presence question that gates each question.

        An array int64 [q], −1 where none does. A presence question is not gated by itself.
        """
        gate = []
        for question in self.questions:
            mask = self._sub_dimension[question.sub_dimension].mask
            gate.append(-1 if mask is None or mask.question == question.id else self._question_index[mask.question])
        return np.array(gate, dtype=np.int64)

    @cached_property
    def only_presence(self) -> NDArray[np.bool_]:
        """Mark presence questions that say no more than that.

        An array bool [q], true where a question only decides whether the rest of its own ladder applies. "Is there a
        hand?" tells nothing of how good a picture is. The first step of a plain ladder that other ladders hang on ("is
        there light and shadow?") does, and a question that is its whole ladder as well.
        """
        own = [
            question.is_presence and len(sub.questions) > 1 and sub.mask is not None and sub.mask.owner == sub.id
            for sub in self.ordinal
            for question in sub.questions
        ]
        return np.array(own, dtype=np.bool_)

    def dependents(self, owner: str) -> tuple[SubDimension, ...]:
        """Sub-dimensions that apply only where ``owner`` is present."""
        return tuple(sub for sub in self.ordinal if sub.masked_by_other and sub.mask and sub.mask.owner == owner)

    def content(self) -> dict[str, Any]:
        """Write what the checklist says as plain data in a fixed form."""
        return {
            "id": self.id,
            "media_type": self.media_type,
            "dimensions": [
                {
                    "id": dimension.id,
                    "name": dimension.name,
                    "sub_dimensions": [_plain(sub) for sub in dimension.sub_dimensions],
                }
                for dimension in self.dimensions
            ],
        }

    @cached_property
    def content_hash(self) -> str:
        """sha256 of the content. Formatting, comments, name and version number do not enter."""
        text = json.dumps(self.content(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return sha256(text.encode())


def _plain(sub: SubDimension) -> dict[str, Any]:
    return {
        "id": sub.id,
        "name": sub.name,
        "description": sub.description,
        "kind": sub.kind,
        "published": sub.published,
        "levels": [{"score": level.score, "name": level.name, "guidance": level.guidance} for level in sub.levels],
        "questions": [
            {"id": one.id, "text": one.text, "threshold": one.threshold, "presence": one.is_presence}
            for one in sub.questions
        ],
        "mask": sub.mask and {"question": sub.mask.question, "owner": sub.mask.owner},
        "applies_when": sub.applies_when
        and {"sub_dimension": sub.applies_when.sub_dimension, "below": sub.applies_when.below},
    }
