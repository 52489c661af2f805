"""The forward process of a diffusion or flow-matching model: noised latents, and what the network should predict.

Three conventions are in use, named as in diffusers' schedulers:

- ``epsilon`` (Ho et al. 2020, arXiv 2006.11239, eq. 4 and 14): x_t = √ᾱ_t·x_0 + √(1−ᾱ_t)·ε, the target is ε.
- ``v_prediction`` (Salimans & Ho 2022, arXiv 2202.00512, appendix D): same x_t, the target is
  √ᾱ_t·ε − √(1−ᾱ_t)·x_0.
- ``flow`` (rectified flow; Esser et al. 2024, arXiv 2403.03206, eq. 4 and 13): x_σ = (1−σ)·x_0 + σ·ε, the
  target is ε − x_0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from reward_engine.errors import TrainingError

Prediction = Literal["epsilon", "v_prediction", "flow"]


@dataclass(frozen=True)
class ForwardProcess:
    """How much signal and noise each training step holds.

    Attributes:
        prediction: what the network predicts.
        signal: float64 [T], the factor of x_0 at each step.
        noise: float64 [T], the factor of ε at each step.
        timesteps: float64 [T], what the network is told of the step (an index, or 1000·σ for flows).
    """

    prediction: Prediction
    signal: Tensor
    noise: Tensor
    timesteps: Tensor

    def __len__(self) -> int:
        return len(self.timesteps)

    @classmethod
    def from_scheduler(cls, scheduler: Any) -> ForwardProcess:
        """Read the forward process out of a diffusers scheduler.

        Raises:
            TrainingError: The scheduler's prediction type is none of the three.
        """
        config = scheduler.config
        if "FlowMatch" in type(scheduler).__name__:
            steps = int(config.num_train_timesteps)
            # The scheduler's own sigmas carry its shift; they run from 1 down to 1/T.
            sigmas = torch.as_tensor(scheduler.sigmas, dtype=torch.float64)[:steps].flip(0).cpu()
            return cls("flow", 1 - sigmas, sigmas, sigmas * steps)
        prediction = config.get("prediction_type", "epsilon")
        if prediction not in ("epsilon", "v_prediction"):
            raise TrainingError(
                f"The scheduler predicts {prediction!r}; this trainer knows epsilon, v_prediction and flow matching."
            )
        cumulative = torch.as_tensor(scheduler.alphas_cumprod, dtype=torch.float64).cpu()
        return cls(prediction, cumulative.sqrt(), (1 - cumulative).sqrt(), torch.arange(len(cumulative)).double())

    def add_noise(self, clean: Tensor, noise: Tensor, steps: Tensor) -> Tensor:
        """Compute x_t from clean latents and noise.

        Takes latents [b, …], noise of the same shape, and step indices int64 [b] in 0..T−1.
        """
        signal, sigma = self._at(steps, clean)
        return signal * clean + sigma * noise

    def target(self, clean: Tensor, noise: Tensor, steps: Tensor) -> Tensor:
        """Compute what the network should predict at these steps.

        It has the shape and dtype of ``clean``.
        """
        if self.prediction == "epsilon":
            return noise
        if self.prediction == "flow":
            return noise - clean
        signal, sigma = self._at(steps, clean)
        return signal * noise - sigma * clean

    def _at(self, steps: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        shape = (-1, *[1] * (like.ndim - 1))
        index = steps.cpu()
        return (
            self.signal[index].to(like.device, like.dtype).view(shape),
            self.noise[index].to(like.device, like.dtype).view(shape),
        )
