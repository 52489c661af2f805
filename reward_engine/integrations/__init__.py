"""Rewards for other people's trainers: images or videos and prompts in, one number each out."""

from reward_engine.integrations.forms import for_ddpo, for_flow_grpo, for_grpo
from reward_engine.integrations.function import RewardFunction
from reward_engine.integrations.local import LocalScorer
from reward_engine.integrations.platform import PlatformScorer

__all__ = ["LocalScorer", "PlatformScorer", "RewardFunction", "for_ddpo", "for_flow_grpo", "for_grpo"]
