"""The vision-language judge: a base model as it is, or with an adapter trained on judgments."""

from annotator.rewards.judges.vlm.kind import VisionLanguage

__all__ = ["VisionLanguage"]
