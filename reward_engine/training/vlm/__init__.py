"""Fine-tuning of vision-language judges on judgments."""

from reward_engine.training.vlm.loop import VLMTrainResult, train_vlm
from reward_engine.training.vlm.settings import TrainSettings

__all__ = ["TrainSettings", "VLMTrainResult", "train_vlm"]
