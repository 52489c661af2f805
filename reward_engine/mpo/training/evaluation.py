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
    """How far the policy prefers the winners.

    ``margins`` float64 [pairs]: implicit reward of the winner − of the loser, each a mean over draws of noise.
    """

    margins: NDArray[np.float64]

    @property
    def accuracy(self) -> float:
        """Share of pairs whose winner the policy prefers more than the reference does.

        Ties count half.
        """
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
    batch_size: int = 1,
    autocast: torch.dtype | None = None,
    share: tuple[int, int] = (0, 1),
) -> PairMeasure:
    """Measure each pair through several draws of noise.

    There are ``draws`` of them, the same at every call, ``batch_size`` in a pass.

    Args:
        share: (i, n): only every n-th pair from the i-th on; the others' margins are 0, to be added by whoever measured
            them.
    """
    margins = np.zeros(len(pairs))
    mine = range(share[0], len(pairs), share[1])
    drawn = [(index, seed_of("held out", index, draw)) for index in mine for draw in range(draws)]
    with torch.no_grad():
        for start in range(0, len(drawn), batch_size):
            part = drawn[start : start + batch_size]
            chosen, positions = [pairs[index] for index, _ in part], [position for _, position in part]
            batch = of_pairs(chosen, positions, cache, len(policy.process), seed).to(policy.device)
            found = pair_loss(policy, batch, beta=beta, autocast=autocast).margins
            np.add.at(margins, [index for index, _ in part], found.double().cpu().numpy() / draws)
    return PairMeasure(margins)
