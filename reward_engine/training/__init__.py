"""Judgments in, trained judges out."""

from reward_engine.training.probe import TrainResult, train_probe

__all__ = ["TrainResult", "train_probe"]
