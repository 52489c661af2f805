"""What training and generating need, as an estimate tells it: figures alone, read without PyTorch.

What is rough about them, :mod:`reward_engine.mpo.estimate` says, which counts them.
"""

from __future__ import annotations

from dataclasses import dataclass

from reward_engine.mpo.media import Size
from reward_engine.mpo.training.settings import Settings

UTILIZATION = 0.4
OVERHEAD = 1.15
CONTEXT_BYTES = 600 << 20  # a CUDA context and its libraries


@dataclass(frozen=True)
class Estimate:
    """Per device, of training.

    Attributes:
        parameters: numbers stored for the whole pipeline; ``denoiser_parameters`` of the network that is trained;
            ``adapter_parameters`` of the adapter on it.
        weight_bytes, adapter_bytes, activation_bytes: the denoiser's weights; the adapter with its gradients and
            Adam's moments; what the backward pass of one batch keeps.
        memory_bytes: all of it with overhead.
        flops_per_pair: of a pair's passes: reference, policy, backward, and what checkpointing computes again.
        latent_bytes: of one cached picture or clip.
    """

    parameters: int
    denoiser_parameters: int
    adapter_parameters: int
    weight_bytes: int
    adapter_bytes: int
    activation_bytes: int
    flops_per_pair: float
    latent_bytes: int

    @property
    def memory_bytes(self) -> int:
        return int((self.weight_bytes + self.adapter_bytes + self.activation_bytes) * OVERHEAD) + CONTEXT_BYTES

    def seconds(self, settings: Settings, device_flops: float, devices: int = 1) -> float:
        """Estimate how long all steps take.

        Args:
            device_flops: Operations a second, see :func:`measured_flops`.
        """
        pairs = settings.steps * settings.pairs_per_step
        return pairs * self.flops_per_pair / (device_flops * UTILIZATION * devices)


@dataclass(frozen=True)
class GenerationEstimate:
    """Of one device.

    Attributes:
        pipeline_class, media_type, size: what is asked, and what it makes.
        parameters: numbers stored for the whole pipeline, all of which are loaded.
        weight_bytes: of them in the precision asked for.
        item_bytes: the most that one item needs beside them at a time, while it is denoised or decoded.
        flops_per_item: of all its steps and its decoding.
    """

    pipeline_class: str
    media_type: str
    size: Size
    parameters: int
    weight_bytes: int
    item_bytes: int
    flops_per_item: float

    def memory_bytes(self, batch_size: int) -> int:
        return int((self.weight_bytes + batch_size * self.item_bytes) * OVERHEAD) + CONTEXT_BYTES

    def largest_batch(self, memory_bytes: int) -> int:
        """Find the most items at once that fit into memory.

        The memory is that of a device; 0 where not even one item fits.
        """
        room = (memory_bytes - CONTEXT_BYTES) / OVERHEAD - self.weight_bytes
        return max(0, int(room // max(self.item_bytes, 1)))

    def seconds(self, items: int, device_flops: float) -> float:
        """Estimate how long so many items take.

        Args:
            device_flops: Operations a second, see :func:`reward_engine.mpo.estimate.measured_flops`.
        """
        return items * self.flops_per_item / (device_flops * UTILIZATION)
