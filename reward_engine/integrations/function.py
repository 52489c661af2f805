"""The reward function that all forms are made of: ``images|videos, prompts → list[float]``."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from reward_engine.errors import DataError
from reward_engine.integrations.media import CLIP_RATE, Kind, as_file


@dataclass(frozen=True)
class Scored:
    """What one medium was given.

    ``reward`` and its part ``by_dimension``, by the dimension's id; or why it has none.
    """

    reward: float = 0.0
    by_dimension: dict[str, float] = field(default_factory=dict)
    error: str = ""


class Scorer(Protocol):
    """Whoever scores files: a local judge, or the platform."""

    def score(self, paths: Sequence[Path], prompts: Sequence[str], kind: Kind) -> list[Scored]:
        """Score files: one result for each, in their order."""
        ...


@dataclass(frozen=True)
class RewardFunction:
    """Rewards of media as trainers have them (see :func:`reward_engine.integrations.media.as_file`).

    ``missing``: the reward of a medium that cannot be scored; None raises DataError instead, naming it.
    ``rate``: frames a second of clips that come as arrays.
    """

    scorer: Scorer
    missing: float | None = None
    rate: int = CLIP_RATE

    def __call__(
        self, images: Sequence[Any] | None = None, prompts: Sequence[str] = (), *, videos: Sequence[Any] | None = None
    ) -> list[float]:
        """The reward of each image or video.

        Raises:
            DataError: Shapes or values do not fit.
            JudgeError: It cannot be judged.
        """
        return [one.reward for one in self.scored(images, prompts, videos=videos)]

    def by_dimension(
        self, images: Sequence[Any] | None = None, prompts: Sequence[str] = (), *, videos: Sequence[Any] | None = None
    ) -> dict[str, list[float]]:
        """List the contribution of each dimension by its id, in the media's order."""
        found = self.scored(images, prompts, videos=videos)
        names = next((list(one.by_dimension) for one in found if one.by_dimension), [])
        return {name: [one.by_dimension.get(name, one.reward) for one in found] for name in names}

    def scored(
        self, images: Sequence[Any] | None = None, prompts: Sequence[str] = (), *, videos: Sequence[Any] | None = None
    ) -> list[Scored]:
        """Rewards with their parts, in the order of the media."""
        if (images is None) == (videos is None):
            raise DataError("Give either images or videos.", code="arguments")
        media: Sequence[Any] = images if images is not None else videos  # type: ignore[assignment]
        kind: Kind = "image" if images is not None else "video"
        if len(media) != len(prompts):
            raise DataError(f"There are {len(media)} {kind}s and {len(prompts)} prompts; there must be as many.",
                            code="arguments")  # fmt: skip
        if not len(media):
            return []
        with tempfile.TemporaryDirectory(prefix="reward-") as folder:
            paths = [
                as_file(medium, kind, Path(folder), f"{kind}-{number}", rate=self.rate)
                for number, medium in enumerate(media)
            ]
            found = self.scorer.score(paths, list(prompts), kind)
        return [self._checked(one, f"{kind} {number}") for number, one in enumerate(found)]

    def _checked(self, one: Scored, name: str) -> Scored:
        if not one.error:
            return one
        if self.missing is None:
            raise DataError(f"{name} cannot be scored: {one.error}", code="missing_reward")
        return Scored(self.missing, {}, one.error)
