"""One process, or one of several that `accelerate launch` started; and their device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.distributed as dist
from accelerate import PartialState
from accelerate.utils import parse_flag_from_env
from torch import Tensor


class Processes:
    """Who this process is, and adding up over all of them.

    Only the adapter has gradients, a few megabytes: they are added up in one go a step. No wrapper around the
    network is needed, which would have to understand an adapter that is off half of the time.
    """

    def __init__(self) -> None:
        # Left to itself it looks for GPUs only, and processes on CPUs would not know of each other.
        state = PartialState(cpu=parse_flag_from_env("ACCELERATE_USE_CPU") or not torch.cuda.is_available())
        self.index: int = state.process_index
        self.count: int = state.num_processes
        self.device: torch.device = state.device
        self._wait = state.wait_for_everyone

    @property
    def is_main(self) -> bool:
        return self.index == 0

    def wait(self) -> None:
        self._wait()

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over all processes."""
        if self.count == 1:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(flat)
        parts = torch.split_with_sizes(flat, [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def any(self, flag: bool) -> bool:
        """Whether the flag is up in any process."""
        count = torch.tensor([float(flag)], device=self.device)
        self.add_up([count])
        return bool(count.item() > 0)

    def peak_memory(self) -> int:
        """Read the most bytes the device held so far.

        It is 0 on a CPU, whose memory is not ours alone.
        """
        return int(torch.cuda.max_memory_allocated(self.device)) if self.device.type == "cuda" else 0
