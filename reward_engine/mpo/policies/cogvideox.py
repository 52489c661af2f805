"""CogVideoX: a transformer over video latents [b, frames/4, 16, h/8, w/8]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reward_engine.errors import DataError
from reward_engine.judges.base import MediaType
from reward_engine.mpo.media import Size
from reward_engine.mpo.policies.base import Conditioning, Policy


class CogVideoXPolicy(Policy):
    """CogVideoX, which makes clips."""

    media_type: ClassVar[MediaType] = "video"

    @property
    def side_step(self) -> int:
        return int(self.pipeline.vae_scale_factor_spatial) * int(self.denoiser.config.patch_size)

    @property
    def frame_step(self) -> int | None:
        return int(self.pipeline.vae_scale_factor_temporal)

    def decode(self, latents: Tensor) -> Tensor:
        return super().decode(latents.permute(0, 2, 1, 3, 4))

    @property
    def native_size(self) -> Size:
        config, scale = self.denoiser.config, self.pipeline.vae_scale_factor_spatial
        return Size(config.sample_width * scale, config.sample_height * scale, config.sample_frames)

    def encode_media(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Encode clips uint8 [b, t, h, w, 3] as latents.

        t must be 4·k + 1 for the VAE's causal compression in time.
        """
        every = self.pipeline.vae_scale_factor_temporal
        if pixels.shape[1] % every != 1:
            raise DataError(f"A clip of {pixels.shape[1]} frames cannot be encoded; it must be {every}·k + 1 frames.")
        vae = self.pipeline.vae
        video = self.to_network_range(pixels).permute(0, 2, 1, 3, 4)  # [b, 3, t, h, w]
        with torch.no_grad():
            latents = vae.encode(video).latent_dist.mode() * vae.config.scaling_factor
        latents = latents.permute(0, 2, 1, 3, 4)
        # CogVideoX 1.5 takes frames in twos: like its pipeline, put what is lacking in front.
        lacking = -latents.shape[1] % (self.denoiser.config.patch_size_t or 1)
        return torch.cat([latents[:, :1].expand(-1, lacking, -1, -1, -1), latents], dim=1).contiguous()

    def encode_prompts(self, prompts: Sequence[str]) -> Conditioning:
        with torch.no_grad():
            text, _ = self.pipeline.encode_prompt(
                list(prompts),
                do_classifier_free_guidance=False,
                max_sequence_length=self.denoiser.config.max_text_seq_length,
                device=self.device,
                dtype=self.dtype,
            )
        return {"text": text}

    def generate(self, prompts: Sequence[str], seeds: Sequence[int], **options: Any) -> list[Any]:
        """As all families do, with prompts as long as the transformer takes them."""
        return super().generate(
            prompts, seeds, **{"max_sequence_length": self.denoiser.config.max_text_seq_length, **options}
        )

    def predict(self, noisy: Tensor, timesteps: Tensor, conditioning: Conditioning) -> Tensor:
        rotary = None
        if self.denoiser.config.use_rotary_positional_embeddings:
            scale = self.pipeline.vae_scale_factor_spatial
            rotary = self.pipeline._prepare_rotary_positional_embeddings(
                noisy.shape[-2] * scale, noisy.shape[-1] * scale, noisy.shape[1], noisy.device
            )
        output: Tensor = self.denoiser(
            hidden_states=noisy,
            encoder_hidden_states=conditioning["text"],
            timestep=timesteps.long(),
            image_rotary_emb=rotary,
            return_dict=False,
        )[0]
        return output
