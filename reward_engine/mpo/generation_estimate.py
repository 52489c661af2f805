"""What generating will take, before it starts: memory and time, from the pipeline's files alone.

Like :mod:`reward_engine.mpo.estimate`, nothing is loaded: the networks are built on PyTorch's ``meta`` device, and one
pass of the denoiser and one of the VAE's decoder are run there in shapes. That also finds sizes and LoRAs that do not
fit the pipeline, before a GPU is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from reward_engine.errors import DataError, TrainingError
from reward_engine.mpo.estimate import FusedAttention
from reward_engine.mpo.generation import Sampling, check
from reward_engine.mpo.media import Size
from reward_engine.mpo.needs import GenerationEstimate
from reward_engine.mpo.policies import folder as pipelines
from reward_engine.mpo.policies.base import Policy
from reward_engine.mpo.policies.folder import check_lora
from reward_engine.mpo.policies.skeleton import skeleton


def estimate_generation(
    source: str | Path,
    sampling: Sampling | Callable[[Policy], Sampling],
    *,
    dtype: torch.dtype = torch.bfloat16,
    lora: Path | None = None,
) -> GenerationEstimate:
    """Estimate a generation, and check what can be known without loading a weight.

    Args:
        sampling: Or a function that says it once the pipeline is known, whose skeleton it gets.

    Raises:
        TrainingError: No pipeline, one that cannot be used, or a LoRA that is none or belongs to another model.
        DataError: Options that it cannot be asked for (see :func:`reward_engine.mpo.generation.check`).
    """
    folder = pipelines.resolve(source)
    policy = skeleton(folder, dtype)
    if not isinstance(sampling, Sampling):
        sampling = sampling(policy)
    check(policy, sampling)
    if lora is not None:
        check_fits(policy, check_lora(lora))
    size = sampling.size or policy.native_size
    flops, item_bytes = _cost(policy, size, sampling)
    parameters = sum(pipelines.parameter_count(folder / name) for name in pipelines.components(folder))
    return GenerationEstimate(
        pipeline_class=pipelines.pipeline_class(folder),
        media_type=policy.media_type,
        size=size,
        parameters=parameters,
        weight_bytes=parameters * dtype.itemsize,
        item_bytes=item_bytes,
        flops_per_item=flops,
    )


def check_fits(policy: Policy, lora: Path) -> None:
    """Check that a LoRA file is for the pipeline's denoiser. Files in other formats than peft's are left to diffusers.

    Raises:
        TrainingError: It holds no adapter, or one for layers that the denoiser has not.
    """
    shapes = {name: entry["shape"] for name, entry in pipelines.header(lora).items() if name != "__metadata__"}
    if not any("lora" in name.lower() for name in shapes):
        raise TrainingError(f"{lora} holds no LoRA: none of its {len(shapes)} tensors is one's.", code="no_lora")
    prefix, down = f"{policy.denoiser_name}.", ".lora_A.weight"
    layers = {name.removeprefix(prefix).removesuffix(down): shape for name, shape in shapes.items()
              if name.startswith(prefix) and name.endswith(down)}  # fmt: skip
    modules = dict(policy.denoiser.named_modules())
    for name, shape in layers.items():
        module = modules.get(name)
        width = getattr(module, "in_features", getattr(module, "in_channels", None))
        if width is None or width != shape[1]:
            reason = (
                "it has no such layer" if width is None else f"there the layer takes {width} inputs, not {shape[1]}"
            )
            raise TrainingError(
                f"{lora} was made for another model than this {type(policy.pipeline).__name__}: it changes {name}, and "
                f"{reason}.",
                code="other_lora",
            )
    other = "transformer." if prefix == "unet." else "unet."
    if not layers and any(name.startswith(other) for name in shapes):
        raise TrainingError(
            f"{lora} was made for a model with a {other[:-1]}; this {type(policy.pipeline).__name__} has a "
            f"{prefix[:-1]}.",
            code="other_lora",
        )


def _cost(policy: Policy, size: Size, sampling: Sampling) -> tuple[float, int]:
    """(operations of an item, bytes it needs at most beside the weights)."""
    frames = () if size.frames is None else (size.frames,)
    # Frozen and on meta: nothing is kept for a backward pass, as in sampling.
    with torch.no_grad(), FusedAttention().installed() as attention:
        latents = policy.encode_media(np.zeros((1, *frames, size.height, size.width, 3), dtype=np.uint8))
        latents = latents.to(policy.dtype)
        conditioning = {name: value.to(policy.dtype) for name, value in policy.encode_prompts(["a"]).items()}
        passes = policy.passes(sampling.guidance_scale)
        timesteps = torch.zeros(1, device=latents.device)
        held = sum(tensor.nbytes for tensor in (latents, *conditioning.values()))
        before = attention.flops
        denoising, decoding = _Live(), _Live()
        try:
            with FlopCounterMode(display=False) as step, denoising:
                policy.predict(latents, timesteps, conditioning)
            attended = attention.flops - before
            with FlopCounterMode(display=False) as last, decoding:
                policy.decode(latents)
        except (RuntimeError, ValueError, IndexError) as error:
            raise DataError(f"This pipeline cannot make {size}: {error}", code="width") from error
        final = last.get_total_flops() + attention.flops - before - attended
    flops = sampling.steps * passes * (step.get_total_flops() + attended) + final
    return float(flops), max(passes * (held + denoising.peak), held + decoding.peak)


class _Live(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of tensors that live at a time, each storage once; ``peak`` is the most there were."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self.held: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {_key(leaf) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        result = func(*args, **(kwargs or {}))
        for key in [key for key, (reference, _) in self.held.items() if _is_gone(reference)]:
            del self.held[key]
        for leaf in tree_leaves(result):
            # A view of what was there before (of a weight, say) is nothing new.
            if isinstance(leaf, Tensor) and _key(leaf) not in given:
                storage = leaf.untyped_storage()
                self.held[_key(leaf)] = (_weak(storage), storage.nbytes())
        self.peak = max(self.peak, sum(size for _, size in self.held.values()))
        return result


def _key(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _weak(storage: Any) -> StorageWeakRef:
    return StorageWeakRef(storage)  # type: ignore[no-untyped-call]


def _is_gone(reference: StorageWeakRef) -> bool:
    return bool(reference.expired())  # type: ignore[no-untyped-call]
