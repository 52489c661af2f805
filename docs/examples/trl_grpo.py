"""Rewards for TRL's GRPOTrainer, one function a dimension, scored by the platform's promoted version.

    PLATFORM=https://reward.example PLATFORM_TOKEN=… python docs/examples/trl_grpo.py MODEL PROMPTS.jsonl

TRL logs each function by its name and weighs them by ``reward_weights``. The completions are images here, as a model
that makes images returns them; where they stand in a column of the dataset, pass ``column="…"``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from reward_engine.integrations import PlatformScorer, RewardFunction, for_grpo
from reward_engine.integrations.function import Scorer


def reward_functions(scorer: Scorer, dimensions: Sequence[str] = ()) -> list[Callable[..., list[float]]]:
    """What goes into ``reward_funcs``: the whole reward, or one function a dimension."""
    function = RewardFunction(scorer, missing=0.0)
    return [for_grpo(function, dimension=name) for name in dimensions] or [for_grpo(function)]


def main() -> None:
    from datasets import load_dataset
    from trl import GRPOConfig, GRPOTrainer

    model, prompts = sys.argv[1:3]
    scorer = PlatformScorer(os.environ["PLATFORM"], os.environ["PLATFORM_TOKEN"])
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=reward_functions(scorer),
        args=GRPOConfig(output_dir="grpo"),
        train_dataset=load_dataset("json", data_files=prompts, split="train"),
    )
    trainer.train()


if __name__ == "__main__":
    main()
