"""Judges answer the questions of a checklist about images and videos."""

from reward_engine.judges.base import Judge, MediaInput, Predictions

__all__ = ["Judge", "MediaInput", "Predictions"]
