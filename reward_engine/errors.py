"""Errors of the reward engine: a message for people, a code for programs."""

from __future__ import annotations


class RewardEngineError(Exception):
    """Base of every error raised on purpose. ``message`` says what is wrong, where, and how to mend it."""

    code = "reward_engine"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class ChecklistError(RewardEngineError):
    """A checklist file that cannot be used, or a checklist that does not fit."""

    code = "checklist"


class MediaError(RewardEngineError):
    """A picture or clip that cannot be read."""

    code = "media"


class WeightsError(RewardEngineError):
    """Weights that do not fit their questions."""

    code = "weights"


class ArtifactError(RewardEngineError):
    """A stored model that is incomplete, altered or of another kind."""

    code = "artifact"


class JudgeError(RewardEngineError):
    """A judge that cannot answer at all."""

    code = "judge"


class TrainingError(RewardEngineError):
    """Training that cannot start or go on."""

    code = "training"


class DataError(RewardEngineError):
    """Arrays or records that contradict the checklist or each other."""

    code = "data"
