"""A small world: pictures of one shape, a reward with two qualities at odds, a model that learns to paint.

A picture's exposure lifts the shape and its background together. *Glow* (how bright the shape is) and *night* (how
dark the background is) are therefore at odds in most pictures, though each also varies on its own, and glow weighs
most in the total. *Warmth* (red over blue) is at odds with nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from numpy.typing import NDArray

from tests.reward_engine.mpo import tiny
from tests.reward_engine.mpo.identity import identity_vae

SIDE = 8
PLACES = {"left": (3.5, 2), "right": (3.5, 5), "top": (2, 3.5), "bottom": (5, 3.5), "center": (3.5, 3.5)}
PROMPTS = tuple(" ".join(words) for words in product(("small", "large"), ("disc", "square"), PLACES))
HELD_OUT = ("small disc top", "small square left", "large disc right", "large square bottom", "large disc center")
DIMENSIONS = ("glow", "night", "warmth")
WEIGHTS = np.array([3.0, 1.0, 1.0])


def paint(prompt: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """uint8 [8, 8, 3]."""
    size, shape, place = prompt.split()
    row, column = PLACES[place]
    y, x = np.mgrid[:SIDE, :SIDE]
    across, down = np.abs(x - column), np.abs(y - row)
    distance = np.hypot(across, down) if shape == "disc" else np.maximum(across, down)
    inside = np.clip((2.9 if size == "large" else 2.2) - distance, 0, 1)[..., None]
    exposure, own_glow, own_night, warmth = rng.normal(size=4)
    shade = 0.62 + 0.12 * exposure + 0.045 * own_glow + 0.08 * warmth * np.array([1, 0, -1])
    background = 0.32 + 0.12 * exposure + 0.045 * own_night
    return np.asarray(np.clip(inside * shade + (1 - inside) * background, 0, 1) * 255, dtype=np.uint8)


def qualities(pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
    """float64 [n, 3] of pictures uint8 [n, 8, 8, 3]; no dimension is told where the shape is."""
    values = pictures.astype(np.float64) / 255
    gray = np.sort(values.mean(axis=3).reshape(len(values), -1), axis=1)
    glow = gray[:, -8:].mean(axis=1)
    night = 1 - gray[:, : SIDE * SIDE // 2].mean(axis=1)
    warmth = (values[..., 0] - values[..., 2]).mean(axis=(1, 2))
    return np.stack([glow, night, 4 * warmth], axis=1)


def pipeline(seed: int = 0) -> StableDiffusionPipeline:
    torch.manual_seed(seed)
    return StableDiffusionPipeline(
        vae=identity_vae(SIDE, scaling_factor=2.5), text_encoder=tiny.clip_encoder(32), tokenizer=tiny.clip_tokenizer(),
        unet=tiny.unet(32, sample_size=SIDE, in_channels=3, out_channels=3, block_out_channels=(16, 32)),
        scheduler=DDIMScheduler(
            clip_sample=False, steps_offset=1, timestep_spacing="trailing", prediction_type="v_prediction",
            beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012,
        ),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip


def learn_to_paint(pipe: StableDiffusionPipeline, *, steps: int, batch: int = 64, seed: int = 0) -> list[float]:
    """Train the UNet to paint the world, from nothing; returns the losses."""
    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    pictures = np.stack([paint(PROMPTS[i % len(PROMPTS)], rng) for i in range(1280)])
    clean = (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1) * pipe.vae.config.scaling_factor
    with torch.no_grad():
        texts = pipe.encode_prompt(list(PROMPTS), "cpu", 1, False)[0]
    unet, scheduler = pipe.unet, pipe.scheduler
    unet.requires_grad_(True).train()
    optimizer = torch.optim.AdamW(unet.parameters(), lr=4e-3, weight_decay=0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps, pct_start=0.1)
    losses = []
    for _ in range(steps):
        chosen = torch.randint(len(clean), (batch,), generator=generator)
        noise = torch.randn(batch, *clean.shape[1:], generator=generator)
        at = torch.randint(1000, (batch,), generator=generator)
        noisy = scheduler.add_noise(clean[chosen], noise, at)
        predicted = unet(noisy, at, texts[chosen % len(PROMPTS)]).sample
        loss = (predicted - scheduler.get_velocity(clean[chosen], noise, at)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    unet.requires_grad_(False).eval()
    return losses


def as_array(images: Sequence[object]) -> NDArray[np.uint8]:
    return np.stack([np.asarray(image) for image in images])
