"""Scores by a judge in this process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reward_engine.calibration import Calibration
from reward_engine.errors import JudgeError
from reward_engine.integrations.function import Scored
from reward_engine.integrations.media import Kind
from reward_engine.judges.base import Judge, MediaInput
from reward_engine.reward import score
from reward_engine.weights import Weights, equal_weights


@dataclass(frozen=True)
class LocalScorer:
    """``weights``: every sub-dimension counts alike without them; ``batch_size``: items the judge takes at once."""

    judge: Judge
    weights: Weights | None = None
    calibration: Calibration | None = None
    batch_size: int = 16

    def score(self, paths: Sequence[Path], prompts: Sequence[str], kind: Kind) -> list[Scored]:
        """Score media with a judge of this process.

        Raises:
            JudgeError: If the judge looks at another kind of media, or can judge nothing at all.
        """
        checklist = self.judge.checklist
        if checklist.media_type != kind:
            raise JudgeError(f"This judge looks at {checklist.media_type}s, and these are {kind}s.", code="media_type")
        items = [
            MediaInput(str(number), kind, path, prompt)
            for number, (path, prompt) in enumerate(zip(paths, prompts, strict=True))
        ]
        found = self.judge.predict(items, batch_size=self.batch_size)
        weights = self.weights if self.weights is not None else equal_weights(checklist)
        result = score(found.p_yes, checklist, weights, calibration=self.calibration)
        names = [dimension.id for dimension in checklist.dimensions]
        scored = {
            key: Scored(float(result.reward[row]), dict(zip(names, result.by_dimension[row].tolist(), strict=True)))
            for row, key in enumerate(found.keys)
        }
        return [scored.get(item.key) or Scored(error=found.errors.get(item.key, "no answer")) for item in items]
