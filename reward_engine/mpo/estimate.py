"""What a run will take, before it starts: memory and time, from the pipeline's files alone.

Nothing is loaded. Parameters are counted from the headers of the weight files; the denoiser is built from its
configuration on PyTorch's ``meta`` device, which has shapes and no data, and run once there: its floating-point
operations and the tensors that its backward pass would keep are counted, not guessed. What is rough:

- Time is operations ÷ (the speed of a large matrix product on the device × ``UTILIZATION``). Real kernels reach 30 to
  60 % of that; the estimate is meant to tell an hour from a day.
- Memory leaves out what the allocator loses and what kernels need in passing, for which ``OVERHEAD`` is added; and
  the VAE's own passes, which come before and between, not during, training.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own idiom
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from reward_engine.mpo.needs import OVERHEAD, Estimate
from reward_engine.mpo.policies import folder as pipelines
from reward_engine.mpo.policies.base import Conditioning, Policy
from reward_engine.mpo.policies.skeleton import skeleton
from reward_engine.mpo.training.session import size_of
from reward_engine.mpo.training.settings import Settings

_ATTENTION = F.scaled_dot_product_attention
_INSTALLING = threading.Lock()  # one thread at a time has another in its place


def estimate(source: str | Path, settings: Settings) -> Estimate:
    """Estimate what a training needs.

    Raises:
        TrainingError: If the folder is no pipeline, or of no family that can be trained here.
    """
    folder = pipelines.resolve(source)
    dtype = torch.bfloat16 if settings.precision == "bf16" else torch.float32
    policy = skeleton(folder, dtype)
    size = size_of(policy.native_size, settings)
    frames = () if size.frames is None else (size.frames,)
    latents = policy.encode_media(np.zeros((1, *frames, size.height, size.width, 3), dtype=np.uint8))
    denoiser_parameters = sum(parameter.numel() for parameter in policy.denoiser.parameters())
    parameters = sum(pipelines.parameter_count(folder / name) for name in pipelines.components(folder))
    adapter = sum(parameter.numel() for _, parameter in policy.attach_lora(rank=settings.rank))
    cost = cost_of_pass(policy, latents.to(dtype), policy.encode_prompts(["a"]))
    # Frozen weights need no gradient of their own: the backward pass costs about what the forward pass does.
    passes = 4 if settings.gradient_checkpointing else 3
    kept = cost.checkpointed if settings.gradient_checkpointing else cost.kept
    return Estimate(
        parameters=parameters,
        denoiser_parameters=denoiser_parameters,
        adapter_parameters=adapter,
        weight_bytes=denoiser_parameters * dtype.itemsize,
        adapter_bytes=adapter * 4 * 4,  # weight, gradient and two moments in float32
        activation_bytes=2 * settings.batch_size * kept,  # winner and loser
        flops_per_pair=2.0 * passes * cost.flops,
        latent_bytes=4 * latents.numel(),
    )


def largest_batch(source: str | Path, settings: Settings, memory_bytes: int) -> int:
    """Find the most pairs at once that fit into memory.

    The memory is that of a device; 0 where not even one pair fits.
    """
    found = estimate(source, settings)
    of_one = found.activation_bytes / settings.batch_size * OVERHEAD
    room = memory_bytes - (found.memory_bytes - found.activation_bytes * OVERHEAD)
    return max(0, int(room // of_one))


def measured_flops(device: torch.device, dtype: torch.dtype = torch.bfloat16, *, side: int | None = None) -> float:
    """Measure a device's floating-point operations per second.

    It multiplies large matrices for about half a second.
    """
    side = side or (8192 if device.type == "cuda" else 1024)
    matrix = torch.randn(side, side, device=device, dtype=dtype)

    def finish() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    _ = matrix @ matrix  # the first one loads the kernel
    finish()
    began, products = time.perf_counter(), 0
    while time.perf_counter() - began < 0.5:
        _ = matrix @ matrix
        finish()
        products += 1
    return 2.0 * side**3 * products / (time.perf_counter() - began)


@dataclass(frozen=True)
class PassCost:
    """What one item costs in a pass.

    These are operations of a forward pass, and bytes its backward pass keeps, without and with checkpointing.
    """

    flops: float
    kept: int
    checkpointed: int


class _Kept:
    """Counts the bytes of tensors that autograd keeps, each storage once; weights stay anyway and do not count."""

    def __init__(self, weights: Sequence[Tensor]) -> None:
        self.weights = {weight.untyped_storage()._cdata for weight in weights}
        self.held: dict[int, Tensor] = {}

    def pack(self, tensor: Tensor) -> Tensor:
        key = tensor.untyped_storage()._cdata
        if key not in self.weights:
            self.held[key] = tensor  # held, so that no other tensor gets its address
        return tensor

    def bytes(self) -> int:
        return sum(tensor.untyped_storage().nbytes() for tensor in self.held.values())

    @contextmanager
    def watching(self) -> Iterator[None]:
        with torch.autograd.graph.saved_tensors_hooks(self.pack, lambda tensor: tensor):
            yield


def cost_of_pass(policy: Policy, latents: Tensor, conditioning: Conditioning) -> PassCost:
    """Run the denoiser once in shapes; policy, latents [1, …] and conditioning are on ``meta``."""
    conditioning = {name: value.to(latents.dtype) for name, value in conditioning.items()}
    weights = list(policy.denoiser.parameters())
    outside, blocks, inputs = _Kept(weights), list[int](), 0

    def block(module: Any, *args: Any) -> Any:
        """Stand in for a checkpoint.

        What the block keeps inside is counted apart from what enters it.
        """
        nonlocal inputs
        inputs += sum(arg.nbytes for arg in args if isinstance(arg, Tensor) and arg.requires_grad)
        inside = _Kept(weights)
        with inside.watching():
            output = module(*args)
        blocks.append(inside.bytes())
        return output

    policy.denoiser.enable_gradient_checkpointing(block)
    attention = FusedAttention()
    timesteps = torch.zeros(len(latents), device=latents.device)
    with FlopCounterMode(display=False) as counter, attention.installed(), outside.watching():
        policy.predict(latents.requires_grad_(), timesteps, conditioning)
    return PassCost(
        flops=float(counter.get_total_flops()) + attention.flops,
        kept=outside.bytes() + sum(blocks),
        checkpointed=outside.bytes() + inputs + max(blocks, default=0),
    )


class FusedAttention:
    """Attention as fused kernels do it.

    It keeps query, key, value and output, never the matrix of scores.
    """

    flops = 0.0

    @contextmanager
    def installed(self) -> Iterator[FusedAttention]:
        counting = self

        class Attend(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
                output = query.new_empty((*query.shape[:-1], value.shape[-1]))
                ctx.save_for_backward(query, key, value, output)
                counting.flops += 2.0 * query.numel() * key.shape[-2] + 2.0 * output.numel() * key.shape[-2]
                return output

            @staticmethod
            def backward(ctx: Any, *gradients: Tensor) -> Any:
                raise NotImplementedError("an estimate runs forward only")

        real = _ATTENTION

        def attend(query: Tensor, key: Tensor, value: Tensor, *args: Any, **options: Any) -> Tensor:
            if query.device.type != "meta":  # another thread's real work
                return real(query, key, value, *args, **options)
            return Attend.apply(query, key, value)  # type: ignore[no-any-return, no-untyped-call]

        with _INSTALLING:
            F.scaled_dot_product_attention = attend
            try:
                yield self
            finally:
                F.scaled_dot_product_attention = real
