"""Stable Diffusion 1.x/2.x and XL: a UNet over VAE latents [b, 4, h/8, w/8]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reward_engine.mpo.media import Size
from reward_engine.mpo.policies.base import Conditioning, Policy


class StableDiffusionPolicy(Policy):
    """Stable Diffusion 1 and 2."""

    denoiser_name: ClassVar[str] = "unet"

    @property
    def native_size(self) -> Size:
        sample = self.denoiser.config.sample_size  # a side, or (height, width)
        height, width = (sample, sample) if isinstance(sample, int) else sample
        return Size(width * self.pipeline.vae_scale_factor, height * self.pipeline.vae_scale_factor)

    def encode_media(self, pixels: NDArray[np.uint8]) -> Tensor:
        vae = self.pipeline.vae
        with torch.no_grad():
            latents: Tensor = vae.encode(self.to_network_range(pixels)).latent_dist.mode() * vae.config.scaling_factor
        return latents

    def encode_prompts(self, prompts: Sequence[str]) -> Conditioning:
        with torch.no_grad():
            text, _ = self.pipeline.encode_prompt(list(prompts), self.device, 1, False)
        return {"text": text}

    def predict(self, noisy: Tensor, timesteps: Tensor, conditioning: Conditioning) -> Tensor:
        output: Tensor = self.denoiser(
            noisy, timesteps.long(), encoder_hidden_states=conditioning["text"], return_dict=False
        )[0]
        return output


class StableDiffusionXLPolicy(StableDiffusionPolicy):
    """Stable Diffusion XL, which is told the size as well."""

    def encode_prompts(self, prompts: Sequence[str]) -> Conditioning:
        with torch.no_grad():
            text, _, pooled, _ = self.pipeline.encode_prompt(
                list(prompts), device=self.device, num_images_per_prompt=1, do_classifier_free_guidance=False
            )
        return {"text": text, "pooled": pooled}

    def predict(self, noisy: Tensor, timesteps: Tensor, conditioning: Conditioning) -> Tensor:
        # Original size, crop corner and target size, as if every picture had been made at its own size uncropped.
        scale = self.pipeline.vae_scale_factor
        height, width = noisy.shape[-2] * scale, noisy.shape[-1] * scale
        sizes = torch.tensor([height, width, 0, 0, height, width], device=noisy.device, dtype=noisy.dtype)
        output: Tensor = self.denoiser(
            noisy,
            timesteps.long(),
            encoder_hidden_states=conditioning["text"],
            added_cond_kwargs={"text_embeds": conditioning["pooled"], "time_ids": sizes.repeat(len(noisy), 1)},
            return_dict=False,
        )[0]
        return output
