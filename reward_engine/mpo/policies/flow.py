"""Flow-matching transformers: Stable Diffusion 3 and Flux."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reward_engine.mpo.media import Size
from reward_engine.mpo.policies.base import Conditioning, Policy


class _ShiftedVaePolicy(Policy):
    @property
    def side_step(self) -> int:
        # The transformer takes latents in patches; Flux, whose pipeline does not say so, of 2 × 2.
        return int(self.pipeline.vae_scale_factor) * int(getattr(self.pipeline, "patch_size", 2))

    @property
    def native_size(self) -> Size:
        side = self.pipeline.default_sample_size * self.pipeline.vae_scale_factor
        return Size(side, side)

    def encode_media(self, pixels: NDArray[np.uint8]) -> Tensor:
        vae = self.pipeline.vae
        with torch.no_grad():
            latents = vae.encode(self.to_network_range(pixels)).latent_dist.mode()
        shifted: Tensor = (latents - (vae.config.shift_factor or 0.0)) * vae.config.scaling_factor
        return shifted


class StableDiffusion3Policy(_ShiftedVaePolicy):
    """Latents [b, 16, h/8, w/8]."""

    lora_targets: ClassVar[tuple[str, ...]] = (
        "attn.to_q", "attn.to_k", "attn.to_v", "attn.to_out.0",
        "attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj", "attn.to_add_out",
    )  # fmt: skip

    def encode_prompts(self, prompts: Sequence[str]) -> Conditioning:
        texts = list(prompts)
        with torch.no_grad():
            text, _, pooled, _ = self.pipeline.encode_prompt(
                texts, texts, texts, device=self.device, num_images_per_prompt=1, do_classifier_free_guidance=False
            )
        return {"text": text, "pooled": pooled}

    def predict(self, noisy: Tensor, timesteps: Tensor, conditioning: Conditioning) -> Tensor:
        output: Tensor = self.denoiser(
            hidden_states=noisy,
            timestep=timesteps,
            encoder_hidden_states=conditioning["text"],
            pooled_projections=conditioning["pooled"],
            return_dict=False,
        )[0]
        return output


class FluxPolicy(_ShiftedVaePolicy):
    """FLUX, whose transformer takes packed latents.

    They are [b, 16, h/8, w/8], packed into 2 × 2 patches for the transformer and unpacked behind it.
    """

    guidance = 3.5  # only guidance-distilled checkpoints take it

    def passes(self, guidance_scale: float) -> int:
        return 1  # guidance is an input of the network

    def encode_prompts(self, prompts: Sequence[str]) -> Conditioning:
        texts = list(prompts)
        with torch.no_grad():
            text, pooled, _ids = self.pipeline.encode_prompt(texts, texts, device=self.device)
        return {"text": text, "pooled": pooled}

    def predict(self, noisy: Tensor, timesteps: Tensor, conditioning: Conditioning) -> Tensor:
        batch, channels, height, width = noisy.shape
        pipeline: Any = self.pipeline
        packed = pipeline._pack_latents(noisy, batch, channels, height, width)
        image_ids = pipeline._prepare_latent_image_ids(batch, height // 2, width // 2, noisy.device, noisy.dtype)
        text_ids = torch.zeros(conditioning["text"].shape[1], 3, device=noisy.device, dtype=noisy.dtype)
        guidance = None
        if self.denoiser.config.guidance_embeds:
            guidance = torch.full((batch,), self.guidance, device=noisy.device, dtype=noisy.dtype)
        output: Tensor = self.denoiser(
            hidden_states=packed,
            timestep=timesteps.to(noisy.dtype) / 1000,
            guidance=guidance,
            pooled_projections=conditioning["pooled"],
            encoder_hidden_states=conditioning["text"],
            txt_ids=text_ids,
            img_ids=image_ids,
            return_dict=False,
        )[0]
        patches = output.view(batch, height // 2, width // 2, channels, 2, 2)
        return patches.permute(0, 3, 1, 4, 2, 5).reshape(batch, channels, height, width)
