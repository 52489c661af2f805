"""Media and prompts in, named numbers out: what the embedded judge looks at."""

from reward_engine.features.extractor import FeatureExtractor
from reward_engine.features.table import Features

__all__ = ["FeatureExtractor", "Features"]
