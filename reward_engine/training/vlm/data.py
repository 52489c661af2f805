"""Which items are learned from, in which order, and which of their answers: the same for the same seed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reward_engine.answers import ABSENT, check_levels, harmonize, to_answers
from reward_engine.checklist import Checklist
from reward_engine.errors import MediaError, TrainingError
from reward_engine.judges.base import MediaInput, of_type
from reward_engine.media import decode_ahead, probe_image, probe_video
from reward_engine.training.splits import held_out_groups

MIN_PROMPTS = 4


@dataclass(frozen=True)
class Data:
    """What a model is trained on.

    ``items`` n; ``levels`` int8 [n, s]; ``answers`` int8 [n, q]; ``held_out`` bool [n], whole prompts at a time.
    """

    items: tuple[MediaInput, ...]
    levels: NDArray[np.int8]
    answers: NDArray[np.int8]
    held_out: NDArray[np.bool_]

    @property
    def train(self) -> NDArray[np.int64]:
        return np.flatnonzero(~self.held_out)

    @property
    def test(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.held_out)

    @property
    def digest(self) -> str:
        """Of what is learned from; a checkpoint is continued on the same data only."""
        hashed = hashlib.sha256(self.levels.tobytes() + self.held_out.tobytes())
        for item in self.items:
            hashed.update(f"{item.key}\0{item.prompt}\0".encode())
        return hashed.hexdigest()

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """Share of yes among the training answers of each question, float64 [q].

        It is half where there is none.
        """
        answers = self.answers[self.train]
        yes, no = (answers == 1).sum(axis=0), (answers == -1).sum(axis=0)
        return np.asarray((yes + 1) / (yes + no + 2), dtype=np.float64)


def prepare(
    checklist: Checklist, items: Sequence[MediaInput], levels: ArrayLike, groups: ArrayLike, share: float, seed: int
) -> tuple[Data, dict[str, str]]:
    """Find the usable items, and why the others are not.

    Raises:
        TrainingError: If too few are left.
    """
    levels = harmonize(checklist, check_levels(checklist, levels))
    group = np.asarray(groups)
    if len(items) != len(levels) or group.shape != (len(items),):
        raise TrainingError(
            f"Items, levels and groups must be as many; they are {len(items)}, {len(levels)} and {group.shape}.",
            code="shape",
        )
    errors = of_type(items, checklist.media_type)[1]
    errors |= {
        item.key: error.message if isinstance(error, MediaError) else str(error)
        for item, error in decode_ahead([item for item in items if item.key not in errors], _probe)
        if error is not None
    }
    judged = (levels != ABSENT).any(axis=1)
    rows = [row for row, item in enumerate(items) if item.key not in errors and judged[row]]
    number = np.unique(group[rows], return_inverse=True)[1].astype(np.int64) if rows else np.zeros(0, dtype=np.int64)
    prompts = int(number.max()) + 1 if rows else 0
    if prompts < MIN_PROMPTS:
        raise TrainingError(
            f"There are judgments for {len(rows)} readable items of {prompts} prompts; training needs at least "
            f"{MIN_PROMPTS} prompts, so that some can be kept apart for measuring. Annotate more and train again.",
            code="too_few",
        )
    held_out = held_out_groups(number, share, seed)
    kept = levels[rows]
    return Data(tuple(items[row] for row in rows), kept, to_answers(checklist, kept), held_out), errors


def _probe(item: MediaInput) -> None:
    if item.media_type == "image":
        probe_image(item.path)
    else:
        probe_video(item.path)


@dataclass(frozen=True)
class Order:
    """Draws of a seed.

    It gives the order of items and the answers asked for, by epoch. Nothing is kept between calls.
    """

    data: Data
    seed: int
    balance: bool
    least: float

    def epoch(self, number: int) -> NDArray[np.int64]:
        """Training items in the order of this epoch."""
        return np.random.default_rng([self.seed, number]).permutation(self.data.train)

    def questions(self, row: int, epoch: int) -> NDArray[np.int64]:
        """Choose the questions of an item for this epoch, at least one."""
        answers = self.data.answers[row]
        applies = np.flatnonzero(answers != 0)
        if not self.balance:
            return applies
        rng = np.random.default_rng([self.seed, epoch, row])
        kept = applies[rng.random(len(applies)) < self.weights(row)]
        return kept if len(kept) else applies[[int(rng.integers(len(applies)))]]

    def weights(self, row: int) -> NDArray[np.float64]:
        """Compute how likely each question of an item is drawn.

        Returns float64 [k] for those that apply to it; 1 without balance.
        """
        answers = self.data.answers[row]
        applies = np.flatnonzero(answers != 0)
        if not self.balance:
            return np.ones(len(applies))
        drawn: NDArray[np.float64] = self.chances[(answers[applies] > 0).astype(int), applies]
        return drawn

    @property
    def offsets(self) -> NDArray[np.float64]:
        """Compute what undoes the balance of the draws, float64 [q].

        It is added to the log-odds of yes. A model trained on balanced answers says log-odds as if both were equally
        frequent. The ratio of the chances with which a no and a yes were drawn leads back to the frequencies of the
        data (King & Zeng 2001, eq. 7).
        """
        if not self.balance:
            return np.zeros(self.data.answers.shape[1])
        no, yes = self.chances
        return np.asarray(np.log(no / yes), dtype=np.float64)

    @cached_property
    def chances(self) -> NDArray[np.float64]:
        """Compute how likely a no and a yes is drawn, [2, q].

        It is 1 for the rarer one, their ratio for the other.
        """
        yes = self.data.shares
        return np.clip(np.stack([yes / (1 - yes), (1 - yes) / yes]), self.least, 1.0)
