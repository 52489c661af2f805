"""The loss of a batch of pairs: noised alike, predicted by policy and reference, compared."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from reward_engine.mpo.dpo import DpoLoss, diffusion_dpo_loss
from reward_engine.mpo.policies import Conditioning, Policy
from reward_engine.mpo.policies.base import twice


@dataclass(frozen=True)
class Batch:
    """b pairs as the loss takes them.

    It holds clean latents and noise [b, …], steps int64 [b] in 0..T−1, and conditioning of b rows.
    """

    winner: Tensor
    loser: Tensor
    conditioning: Conditioning
    noise: Tensor
    steps: Tensor

    def __len__(self) -> int:
        return len(self.steps)

    def to(self, device: torch.device) -> Batch:
        conditioning = {name: value.to(device, non_blocking=True) for name, value in self.conditioning.items()}
        moved = (part.to(device, non_blocking=True) for part in (self.winner, self.loser, self.noise))
        winner, loser, noise = moved
        return Batch(winner, loser, conditioning, noise, self.steps)


def pair_loss(policy: Policy, batch: Batch, *, beta: float, autocast: torch.dtype | None = None) -> DpoLoss:
    """Compute the Diffusion-DPO loss of a batch.

    See :func:`diffusion_dpo_loss`.

    Winner and loser of a pair get the same noise at the same step, or the difference of their errors would mostly say
    which one drew the easier noise.

    Args:
        autocast: The dtype of the passes; the loss is float32 at least.
    """
    clean = torch.cat([batch.winner, batch.loser])
    noise = torch.cat([batch.noise, batch.noise])
    steps = torch.cat([batch.steps, batch.steps])
    process = policy.process
    noisy = process.add_noise(clean, noise, steps).to(policy.dtype)
    target = process.target(clean, noise, steps)
    timesteps = process.timesteps[steps].to(clean.device, torch.float32)
    conditioning = twice(batch.conditioning)
    with torch.autocast(clean.device.type, dtype=autocast, enabled=autocast is not None):
        with policy.reference():
            reference = policy.predict(noisy, timesteps, conditioning)
        predicted = policy.predict(noisy, timesteps, conditioning)
    policy_winner, policy_loser = predicted.chunk(2)
    reference_winner, reference_loser = reference.chunk(2)
    target_winner, target_loser = target.chunk(2)
    return diffusion_dpo_loss(
        policy_winner, policy_loser, reference_winner, reference_loser, target_winner, target_loser, beta=beta
    )
