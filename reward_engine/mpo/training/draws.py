"""Which pair comes when, and the noise it is seen through: functions of the seed and the position, nothing else.

No generator is carried from step to step, so there is none to save: a run that goes on after a kill, or on another
number of devices, sees the same pairs through the same noise.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reward_engine.mpo.seeds import seed_of


def pair_at(position: int, count: int, seed: int) -> int:
    """Find the pair at a position of the endless order of ``count`` pairs.

    Each epoch is a shuffle of all.
    """
    return int(_shuffled(position // count, count, seed)[position % count])


@lru_cache(maxsize=2)
def _shuffled(epoch: int, count: int, seed: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed_of(seed, "order", epoch)).permutation(count)


def noise_at(position: int, shape: tuple[int, ...], timesteps: int, seed: int) -> tuple[Tensor, int]:
    """Draw the noise and the step of a position.

    Returns ε float32 of ``shape`` and a step uniform in 0..timesteps−1.
    """
    generator = torch.Generator().manual_seed(seed_of(seed, "noise", position))
    step = int(torch.randint(timesteps, (1,), generator=generator))
    return torch.randn(shape, generator=generator), step
