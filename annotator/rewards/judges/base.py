"""What a kind of judge is: how it is described, set up, trained, loaded, and shown. One file a kind stands beside.

All that follows from P(yes) knows no kind: calibration, weights, held-out measures, gate, promotion, scoring,
agreement, suggestions, uncertainty, pairs, exports.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from django import forms
from numpy.typing import NDArray

from annotator.rewards.models import RewardModel, Snapshot
from reward_engine.checklist import Checklist
from reward_engine.judges.base import Judge
from reward_engine.weights import Weights

if TYPE_CHECKING:
    from annotator.jobs.services import JobRun
    from reward_engine.calibration import Calibration

Levels = NDArray[np.int8]
Ids = NDArray[np.int64]
PYes = NDArray[np.float32]


@dataclass(frozen=True)
class TrainingData:
    """A snapshot's content: ``items`` int64 [n] (their ids), ``prompts`` int64 [n], ``levels`` int8 [n, s]."""

    snapshot: Snapshot
    checklist: Checklist
    items: Ids
    prompts: Ids
    levels: Levels

    @property
    def media_type(self) -> str:
        return self.snapshot.media_type


@dataclass(frozen=True)
class Trained:
    """What a training hands on.

    ``held_out`` int64 [h]: rows of the data whose prompts the judge had not seen; ``p_yes`` float32 [h, q]: what it
    said of them, uncalibrated. ``metrics``: plain data, as :func:`reward_engine.training.measure.measure` gives, with
    ``validation`` and, where it was measured, ``cost`` (seconds_per_item, memory_bytes, device). ``left_out``: items
    that could not be read, and why. ``predict``: (the ids that could be read, their uncalibrated P(yes) [n, q]) of
    any items. ``save``: writes the artifact, with a ``manifest.json``, into a new folder.
    """

    held_out: Ids
    p_yes: PYes
    metrics: dict[str, Any]
    left_out: dict[int, str]
    predict: Callable[[Ids], tuple[Ids, PYes]]
    save: Callable[[Path, Calibration | None, Weights, Mapping[str, Any]], None]


@dataclass(frozen=True)
class Estimate:
    """What a training and the scoring of an item will take, told before they start. None: it cannot be said.

    ``memory_bytes``: at the peak; ``seconds``: of the whole training; ``disk_bytes``: while it runs.
    ``scoring_seconds``, ``scoring_bytes``: of one item, and of the loaded judge. ``steps``: of the training.
    ``notes``: what to know, in words.
    """

    memory_bytes: int | None = None
    seconds: float | None = None
    disk_bytes: int | None = None
    scoring_seconds: float | None = None
    scoring_bytes: int | None = None
    device: str = ""
    fits: bool = True
    steps: int | None = None
    notes: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class NoSettings(forms.Form):
    """Of a kind that has none of its own."""


class JudgeKind(ABC):
    """One kind of judge. Register a subclass with :func:`annotator.rewards.judges.register`."""

    name: ClassVar[str]
    label: ClassVar[Any]
    description: ClassVar[Any]
    order: ClassVar[int] = 100  # of where kinds are listed, lowest first
    learns: ClassVar[bool] = True  # False: it is used as it is, and only measured
    calibrates_itself: ClassVar[bool] = False  # True: its artifact carries the calibration and applies it
    settings_form: ClassVar[type[forms.Form]] = NoSettings
    panel_template: ClassVar[str] = ""  # what its model page adds, with ``panel`` in the context

    def check_settings(self, settings: Mapping[str, Any], media_type: str) -> dict[str, Any]:
        """Settings as they are stored, from those of a form or the API.

        Raises:
            ProblemError: With ``field``.
        """
        from annotator.rewards.judges.settings import cleaned

        return cleaned(self.settings_form, settings)

    def estimate(self, settings: Mapping[str, Any], checklist: Checklist, items: int) -> Estimate | None:
        """What a training on so many items will take; None where it cannot be said. Must not load torch."""
        return None

    def explained(self, given: Mapping[str, Any], whole: Mapping[str, Any]) -> list[tuple[Any, Any, Any]]:
        """(label, value, reason) of settings that were left empty and have a default by circumstance."""
        return []

    @abstractmethod
    def train(self, run: JobRun, data: TrainingData, settings: Mapping[str, Any]) -> Trained:
        """Make a version from judgments.

        Raises:
            ProblemError: It cannot be trained.
        """

    @abstractmethod
    def load(self, model: RewardModel, folder: Path, checklist: Checklist) -> Judge:
        """The judge of a version.

        Raises:
            RewardEngineError: If its files are missing or altered.
        """

    def check(self, model: RewardModel, folder: Path, checklist: Checklist) -> None:
        """Check that a version's files are whole.

        Must not load torch.

        Raises:
            RewardEngineError: If the version's files are not whole.
        """
        self.load(model, folder, checklist)

    def memory_bytes(self, model: RewardModel) -> int:
        """What the loaded judge takes, for the cache of loaded judges."""
        return 64 << 20

    def panel(self, model: RewardModel) -> dict[str, Any]:
        """What ``panel_template`` shows on the model's page."""
        return {}
