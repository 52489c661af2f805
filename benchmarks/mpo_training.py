"""How fast are training steps, and what do they hold, at the sizes people train? With random weights.

    python benchmarks/mpo_training.py --size sd15              counted only, in shapes: any machine, no memory
    python benchmarks/mpo_training.py --size sdxl --run        real steps on the GPU, or on the CPU without one

Prints operations and kept activations of a pair with and without gradient checkpointing; with ``--run`` also seconds
a step, pairs a second, peak memory, and how the counted figures compare with the measured ones.
"""

from __future__ import annotations

import argparse
import time
from types import SimpleNamespace
from typing import Any

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel

from reward_engine.mpo.estimate import cost_of_pass, measured_flops
from reward_engine.mpo.needs import UTILIZATION
from reward_engine.mpo.policies.stable_diffusion import StableDiffusionPolicy, StableDiffusionXLPolicy
from reward_engine.mpo.training.objective import Batch, pair_loss

# The published configurations: stable-diffusion-v1-5 and stable-diffusion-xl-base-1.0.
SIZES: dict[str, dict[str, Any]] = {
    "tiny": {"sample_size": 8, "block_out_channels": (32, 64),
             "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
             "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"), "cross_attention_dim": 32},
    "sd15": {"sample_size": 64, "cross_attention_dim": 768},
    "sdxl": {"sample_size": 128, "cross_attention_dim": 2048, "block_out_channels": (320, 640, 1280),
             "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
             "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
             "attention_head_dim": (5, 10, 20), "transformer_layers_per_block": (1, 2, 10),
             "use_linear_projection": True, "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
             "projection_class_embeddings_input_dim": 2816},
}  # fmt: skip


def policy_of(size: str, device: torch.device, dtype: torch.dtype) -> StableDiffusionPolicy:
    """A policy around a UNet with random weights; it needs neither a VAE nor text encoders for steps."""
    with device:
        unet = UNet2DConditionModel(in_channels=4, out_channels=4, **SIZES[size])
    torch.nn.Module.to(unet, dtype)
    pipeline = SimpleNamespace(
        unet=unet, scheduler=DDPMScheduler(), vae_scale_factor=8, components={"unet": unet},
        set_progress_bar_config=lambda **_: None,
    )  # fmt: skip
    return (StableDiffusionXLPolicy if size == "sdxl" else StableDiffusionPolicy)(pipeline)


def conditioning_of(size: str, count: int, device: torch.device, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    width = SIZES[size]["cross_attention_dim"]
    found = {"text": torch.randn(count, 77, width, device=device, dtype=dtype)}
    return found | ({"pooled": torch.randn(count, 1280, device=device, dtype=dtype)} if size == "sdxl" else {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="sd15")
    parser.add_argument("--latent", type=int, help="side of the latents, if not the model's own")
    parser.add_argument("--batch", type=int, default=4, help="pairs at once")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--no-checkpointing", action="store_true")
    parser.add_argument("--run", action="store_true")
    options = parser.parse_args()
    side = options.latent or SIZES[options.size]["sample_size"]
    dtype, meta = torch.bfloat16, torch.device("meta")

    skeleton = policy_of(options.size, meta, dtype)
    parameters = sum(parameter.numel() for parameter in skeleton.denoiser.parameters())
    latents = torch.empty(1, 4, side, side, device=meta, dtype=dtype)
    cost = cost_of_pass(skeleton, latents, conditioning_of(options.size, 1, meta, dtype))
    passes, kept = (3, cost.kept) if options.no_checkpointing else (4, cost.checkpointed)
    print(f"{options.size}: {parameters / 1e6:,.0f} M parameters, latents {side}²")
    print(f"counted: {cost.flops / 1e12:.3f} TFLOP a forward pass of one item")
    print(f"a pair keeps {2 * cost.kept / 1e9:.2f} GB for its backward pass,")
    print(f"{2 * cost.checkpointed / 1e9:.2f} GB with gradient checkpointing")
    if not options.run:
        return

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32  # few CPUs have half-precision arithmetic
    policy = policy_of(options.size, device, dtype)
    if not options.no_checkpointing:
        policy.denoiser.enable_gradient_checkpointing()
    named = policy.attach_lora(rank=options.rank)
    optimizer = torch.optim.AdamW([parameter for _, parameter in named], lr=1e-5)
    winner, loser, noise = (torch.randn(options.batch, 4, side, side) for _ in range(3))
    conditioning = conditioning_of(options.size, options.batch, device, dtype)
    batch = Batch(winner, loser, conditioning, noise, torch.randint(1000, (options.batch,))).to(device)

    def step() -> None:
        pair_loss(policy, batch, beta=2000.0, autocast=dtype if device.type == "cuda" else None).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if device.type == "cuda":
            torch.cuda.synchronize()

    step()  # kernels are chosen, moments are made
    began = time.perf_counter()
    for _ in range(options.steps):
        step()
    seconds = (time.perf_counter() - began) / options.steps
    speed = measured_flops(device, dtype)
    expected = 2 * passes * cost.flops * options.batch / (speed * UTILIZATION)
    print(
        f"measured on {device}: {seconds:.3f} s a step of {options.batch} pairs, {options.batch / seconds:.2f} pairs/s"
    )
    print(f"expected {expected:.3f} s, as matrix products run at {speed / 1e12:.2f} TFLOP/s here")
    if device.type == "cuda":
        held = 2 * parameters + 16 * sum(parameter.numel() for _, parameter in named) + 2 * options.batch * kept
        print(f"peak memory {torch.cuda.max_memory_allocated() / 1e9:.2f} GB (counted {held / 1e9:.2f} GB)")


if __name__ == "__main__":
    main()
