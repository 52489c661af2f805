"""A judge of any kind with a calibration behind it: its P(yes), corrected by question."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reward_engine.calibration import Calibration
from reward_engine.checklist import Checklist
from reward_engine.judges.base import Canceled, Judge, MediaInput, Predictions, Progress


@dataclass(frozen=True)
class CalibratedJudge:
    """Answers as ``judge`` does, with ``calibration`` applied. The calibration must fit the judge's checklist."""

    judge: Judge
    calibration: Calibration

    @property
    def checklist(self) -> Checklist:
        return self.judge.checklist

    @property
    def name(self) -> str:
        return self.judge.name

    @property
    def version(self) -> str:
        """Digest of the judge's version and of each question's correction."""
        hashed = hashlib.sha256(self.judge.version.encode())
        for question in self.calibration.questions:
            hashed.update(f" {question.question} {question.slope!r} {question.offset!r}".encode())
        return hashed.hexdigest()[:16]

    def predict(
        self,
        items: Sequence[MediaInput],
        *,
        batch_size: int = 16,
        progress: Progress | None = None,
        canceled: Canceled | None = None,
    ) -> Predictions:
        """Answer by calibrated P(yes) float32 [n, q], with the judge's errors and cancellation."""
        found = self.judge.predict(items, batch_size=batch_size, progress=progress, canceled=canceled)
        p_yes = self.calibration.apply(self.checklist, found.p_yes).astype(np.float32)
        return Predictions(found.keys, p_yes, found.errors, found.canceled)
