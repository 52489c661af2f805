"""Grids from fixed seeds: the same prompts and noises every time, so that what changes is the model."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from PIL import Image

from reward_engine import storage
from reward_engine.mpo.generation import Sampling
from reward_engine.mpo.media import Size
from reward_engine.mpo.memory import in_batches
from reward_engine.mpo.policies import Policy
from reward_engine.mpo.seeds import seed_of
from reward_engine.mpo.training.settings import Settings

GAP = 4  # pixels


def sample_grid(policy: Policy, prompts: Sequence[str], settings: Settings, size: Size, path: Path) -> None:
    """Write sample images as one PNG.

    It has a row per prompt and a column per seed; a clip gives its middle frame.
    """
    seeds = [seed_of(settings.seed, "sample", column) for column in range(settings.sample_seeds)]
    jobs = list(product(prompts, seeds))
    options = Sampling(settings.sampling_steps, settings.guidance_scale, size).options(policy)
    made: list[Image.Image] = []

    def work(batch: Sequence[tuple[str, int]]) -> None:
        for one in policy.generate([prompt for prompt, _ in batch], [seed for _, seed in batch], **options):
            made.append(one if isinstance(one, Image.Image) else one[len(one) // 2])

    in_batches(jobs, max(1, 2 * settings.batch_size), work, lambda _: True)
    width, height = made[0].size
    columns = settings.sample_seeds
    grid = Image.new("RGB", (columns * (width + GAP) - GAP, len(prompts) * (height + GAP) - GAP), "white")
    for index, picture in enumerate(made):
        grid.paste(picture, (index % columns * (width + GAP), index // columns * (height + GAP)))
    buffer = io.BytesIO()
    grid.save(buffer, format="PNG")
    storage.write_bytes(path, buffer.getvalue())
