"""What the policy thinks of pairs it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from reward_engine.mpo.policies import Policy
from reward_engine.mpo.seeds import seed_of
from reward_engine.mpo.training.batches import of_pairs
from reward_engine.mpo.training.cache import LatentCache
from reward_engine.mpo.training.folder import TrainingPair
from reward_engine.mpo.training.objective import pair_loss


@dataclass(frozen=True)
class PairMeasure:
    """``margins`` float64 [pairs]: implicit reward of the winner − of the loser, each a mean over draws of noise."""

    margins: NDArray[np.float64]

    @property
    def accuracy(self) -> float:
        """Share of pairs whose winner the policy prefers more than the reference does; ties count half."""
        return float(np.mean((np.sign(self.margins) + 1) / 2))

    @property
    def margin(self) -> float:
        return float(self.margins.mean())


def measure_pairs(
    policy: Policy,
    pairs: Sequence[TrainingPair],
    cache: LatentCache,
    *,
    beta: float,
    draws: int,
    seed: int,
    autocast: torch.dtype | None = None,
    share: tuple[int, int] = (0, 1),
) -> PairMeasure:
    """Measure each pair through ``draws`` noises, the same ones at every call.

    ``share`` (i, n): only every n-th pair from the i-th on; the others' margins are 0, to be added by whoever
    measured them.
    """
    margins = np.zeros(len(pairs))
    with torch.no_grad():
        for index, pair in list(enumerate(pairs))[share[0] :: share[1]]:
            # One pair at all its noise levels is one batch.
            positions = [seed_of("held out", index, draw) for draw in range(draws)]
            batch = of_pairs([pair] * draws, positions, cache, len(policy.process), seed)
            found = pair_loss(policy, batch.to(policy.device), beta=beta, autocast=autocast)
            margins[index] = float(found.margin)
    return PairMeasure(margins)
