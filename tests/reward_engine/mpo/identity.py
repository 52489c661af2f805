"""A VAE that is the identity, with weights set by hand: a pipeline around it paints pixels."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL

TINY = 0.01


def identity_vae(side: int, *, scaling_factor: float = 1.0) -> AutoencoderKL:
    """Three latent channels that are the picture's own, to about 1e-4.

    Every residual block adds nothing. What is left between input and output is GroupNorm and SiLU. Each color x
    travels as a group (εx, −εx, 1, −1): its mean is 0 and its variance hardly depends on x, so the norm is a constant
    factor; and silu(z) − silu(−z) = z.
    """
    vae = AutoencoderKL(
        block_out_channels=(12,), latent_channels=3, norm_num_groups=3, sample_size=side, scaling_factor=scaling_factor,
        down_block_types=("DownEncoderBlock2D",), up_block_types=("UpDecoderBlock2D",),
        use_quant_conv=False, use_post_quant_conv=False, mid_block_add_attention=False, force_upcast=False,
    )  # fmt: skip
    with torch.no_grad():
        for half in (vae.encoder, vae.decoder):
            for name, parameter in half.named_parameters():
                if (
                    name.endswith(("conv2.weight", "conv2.bias", "conv_in.weight", "conv_in.bias"))
                    or "conv_out" in name
                ):
                    parameter.zero_()
            half.conv_norm_out.weight.fill_(0.5**0.5 / TINY)  # undoes ε and the norm's factor
            for color in range(3):
                first = 4 * color
                half.conv_in.weight[first, color, 1, 1] = TINY
                half.conv_in.weight[first + 1, color, 1, 1] = -TINY
                half.conv_in.bias[first + 2], half.conv_in.bias[first + 3] = 1.0, -1.0
                half.conv_out.weight[color, first, 1, 1] = 1.0
                half.conv_out.weight[color, first + 1, 1, 1] = -1.0
        vae.encoder.conv_out.bias[3:] = -30.0  # the logarithm of the variance
    return vae.eval()
