"""The interface of every judge: media and prompts in, P(yes) per question out.

A judge answers the questions of one checklist. The embedded CPU judge and the
vision-language judges are interchangeable behind :class:`Judge`; scoring, evaluation
and calibration know nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from reward_engine.checklist import Checklist

MediaType: TypeAlias = Literal["image", "video"]

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (done, total); both count items unless a function says otherwise."""

Canceled: TypeAlias = Callable[[], bool]
"""Asked between batches; ``True`` means stop as soon as the work so far is consistent."""


@dataclass(frozen=True, slots=True)
class MediaInput:
    """One item to be judged.

    ``key`` names the item in predictions and errors and is unique within a call;
    ``path`` is a local file (a text becomes a ``Path``); ``prompt`` is the text the media was generated from
    (empty where there is none).
    """

    key: str
    media_type: MediaType
    path: Path
    prompt: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))  # a text is a path as well


def of_type(items: Sequence[MediaInput], media_type: MediaType) -> tuple[list[MediaInput], dict[str, str]]:
    """Keep the items of one media type.

    Returns those, and by key why the others are not judged: a checklist is for images or for videos.
    """
    errors = {
        item.key: f"{item.path.name}: this is {_A[item.media_type]}, and the checklist is for {media_type}s. "
        f"Judge it with a checklist for {item.media_type}s."
        for item in items
        if item.media_type != media_type
    }
    return [item for item in items if item.media_type == media_type], errors


_A: dict[MediaType, str] = {"image": "an image", "video": "a video"}


@dataclass(frozen=True)
class Predictions:
    """What a judge said about the items it could judge.

    ``keys``: the n judged items, in the order of the input.
    ``p_yes``: float32 [n, questions], each in [0, 1], the axis of ``checklist.questions``;
    the probability that the answer is yes *given that the question applies* (for a presence
    question: that the thing is there). Masks are applied by the reward, not here.
    ``errors``: for each item that could not be judged, why, in words for people.
    ``canceled``: whether the call stopped early; items in neither ``keys`` nor ``errors``
    were then not reached.
    """

    keys: tuple[str, ...]
    p_yes: NDArray[np.float32]
    errors: Mapping[str, str] = field(default_factory=dict)
    canceled: bool = False

    def __post_init__(self) -> None:
        if self.p_yes.ndim != 2 or self.p_yes.shape[0] != len(self.keys):
            raise ValueError(
                f"p_yes must have one row for each of the {len(self.keys)} keys, but its shape is {self.p_yes.shape}"
            )


@runtime_checkable
class Judge(Protocol):
    """Whoever answers a checklist.

    ``name`` and ``version`` identify the judge in stored scores: the same pair must always
    answer the same item alike.
    """

    @property
    def checklist(self) -> Checklist: ...

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def predict(
        self,
        items: Sequence[MediaInput],
        *,
        batch_size: int = 16,
        progress: Progress | None = None,
        canceled: Canceled | None = None,
    ) -> Predictions:
        """Answer every question for every item.

        An item that cannot be judged becomes an error, not an exception.

        Raises:
            JudgeError: Only where no item could be judged for a reason that lies in the judge itself (missing weights,
                wrong checklist).
        """
        ...
