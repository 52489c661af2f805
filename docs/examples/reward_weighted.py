"""Tune a diffusers pipeline on the reward by reward-weighted regression (as in the DDPO paper, arXiv 2305.13301).

    python docs/examples/reward_weighted.py PIPELINE JUDGE --prompt "a red kite" --rounds 10 --out LORA

Each round draws images, scores them, and trains a LoRA to reproduce the better ones more often.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig

Rewards = Callable[..., tuple[Any, dict[str, Any]]]


def train(
    pipeline: Any,
    reward: Rewards,
    prompts: Sequence[str],
    *,
    rounds: int = 10,
    per_prompt: int = 4,
    steps: int = 20,
    learning_rate: float = 1e-4,
    temperature: float = 0.5,
    seed: int = 0,
) -> list[float]:
    """Train the pipeline's UNet in place; the mean reward of each round. ``reward``: the form of DDPO trainers."""
    torch.manual_seed(seed)
    pipeline.unet.requires_grad_(False)
    pipeline.unet.add_adapter(LoraConfig(r=4, lora_alpha=4, target_modules=["to_q", "to_k", "to_v", "to_out.0"]))
    learned = [weight for weight in pipeline.unet.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=learning_rate)
    asked = [prompt for prompt in prompts for _ in range(per_prompt)]
    means = []
    for number in range(rounds):
        generator = torch.Generator().manual_seed(seed + number)
        images = pipeline(asked, num_inference_steps=steps, generator=generator, output_type="np").images
        rewards, _ = reward(list(np.asarray(images)), asked, None)
        means.append(float(rewards.mean()))
        grouped = rewards.reshape(len(prompts), per_prompt)  # an image is compared with others of its prompt alone
        spread = grouped.std(axis=1, keepdims=True) + 1e-6
        better = (grouped - grouped.mean(axis=1, keepdims=True)) / spread
        weights = torch.softmax(torch.tensor(better / temperature), dim=1).flatten() * per_prompt
        loss = (weights.float() * denoising_loss(pipeline, images, asked)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return means


def denoising_loss(pipeline: Any, images: Any, prompts: Sequence[str]) -> torch.Tensor:
    """How badly the UNet finds the noise put on each image, float [n]."""
    with torch.no_grad():
        pixels = torch.tensor(np.asarray(images)).permute(0, 3, 1, 2).float() * 2 - 1
        latents = pipeline.vae.encode(pixels).latent_dist.mode() * pipeline.vae.config.scaling_factor
        words, _ = pipeline.encode_prompt(list(prompts), "cpu", 1, False)
    noise = torch.randn_like(latents)
    times = torch.randint(0, pipeline.scheduler.config.num_train_timesteps, (len(latents),))
    noisy = pipeline.scheduler.add_noise(latents, noise, times)
    found = pipeline.unet(noisy, times, encoder_hidden_states=words).sample
    return (found - noise).pow(2).flatten(1).mean(dim=1)


def main() -> None:
    from diffusers import StableDiffusionPipeline

    from reward_engine.integrations import LocalScorer, RewardFunction, for_ddpo
    from reward_engine.judges.vlm import VLMJudge

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipeline")
    parser.add_argument("judge", type=Path, help="an adapter's folder, as a version's ZIP holds it")
    parser.add_argument("--prompt", action="append", required=True)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    pipeline = StableDiffusionPipeline.from_pretrained(options.pipeline)
    reward = for_ddpo(RewardFunction(LocalScorer(VLMJudge.load(options.judge))))
    for number, mean in enumerate(train(pipeline, reward, options.prompt, rounds=options.rounds), start=1):
        print(f"round {number}: mean reward {mean:.3f}")
    pipeline.unet.save_lora_adapter(options.out)


if __name__ == "__main__":
    main()
