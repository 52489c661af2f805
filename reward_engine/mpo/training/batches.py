"""From positions in the order of pairs to tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from reward_engine.errors import DataError
from reward_engine.mpo.training.cache import LatentCache
from reward_engine.mpo.training.draws import noise_at, pair_at
from reward_engine.mpo.training.folder import TrainingPair
from reward_engine.mpo.training.objective import Batch


def at_positions(
    positions: Sequence[int], pairs: Sequence[TrainingPair], cache: LatentCache, timesteps: int, seed: int
) -> Batch:
    """Read the pairs at these positions of the endless order, with their noise."""
    chosen = [pairs[pair_at(position, len(pairs), seed)] for position in positions]
    return of_pairs(chosen, positions, cache, timesteps, seed)


def of_pairs(
    pairs: Sequence[TrainingPair], positions: Sequence[int], cache: LatentCache, timesteps: int, seed: int
) -> Batch:
    """See these pairs through the noise of these positions."""
    winners = [cache.latent(pair.winner) for pair in pairs]
    losers = [cache.latent(pair.loser) for pair in pairs]
    shapes = {tuple(latent.shape[1:]) for latent in (*winners, *losers)}
    if len(shapes) != 1:
        raise DataError(f"The latents have {len(shapes)} shapes, {sorted(shapes)}; encode them at one size.")
    (shape,) = shapes
    drawn = [noise_at(position, shape, timesteps, seed) for position in positions]
    return Batch(
        winner=torch.cat(winners),
        loser=torch.cat(losers),
        conditioning=cache.conditioning([pair.prompt for pair in pairs]),
        noise=torch.stack([noise for noise, _ in drawn]),
        steps=torch.tensor([step for _, step in drawn]),
    )
