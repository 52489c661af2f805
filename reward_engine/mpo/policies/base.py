"""A policy: a diffusers pipeline whose denoiser wears a LoRA adapter. The reference model is the same with it off.

One class a family of pipelines says how media becomes latents, how prompts become conditioning, and how the
denoiser is called; everything else is shared.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from torch import Tensor

from reward_engine.judges.base import MediaType
from reward_engine.mpo.media import Size
from reward_engine.mpo.noise import ForwardProcess

ADAPTER = "policy"
Conditioning = dict[str, Tensor]  # every tensor has the batch as its first axis


class Policy(ABC):
    """The interface the trainer works with.

    Attributes:
        denoiser_name: the pipeline's attribute that holds the network, ``unet`` or ``transformer``.
        lora_targets: names of the linear layers that get an adapter.
        media_type: what the pipeline makes, ``image`` or ``video``.
        fingerprint: of the files it was loaded from; empty where it was made in memory.
    """

    denoiser_name: ClassVar[str] = "transformer"
    lora_targets: ClassVar[tuple[str, ...]] = ("to_q", "to_k", "to_v", "to_out.0")
    media_type: ClassVar[MediaType] = "image"

    def __init__(self, pipeline: Any) -> None:
        self.pipeline = pipeline
        self.fingerprint = ""
        pipeline.set_progress_bar_config(disable=True)
        for part in pipeline.components.values():
            if isinstance(part, torch.nn.Module):
                part.requires_grad_(False)
                part.eval()
        self.process = ForwardProcess.from_scheduler(pipeline.scheduler)

    @property
    def denoiser(self) -> Any:
        return getattr(self.pipeline, self.denoiser_name)

    @property
    def device(self) -> torch.device:
        return torch.device(self.denoiser.device)

    @property
    def dtype(self) -> torch.dtype:
        dtype: torch.dtype = self.denoiser.dtype
        return dtype

    # --- the adapter ------------------------------------------------------------------------------------------
    def attach_lora(
        self, *, rank: int, alpha: int | None = None, seed: int = 0
    ) -> list[tuple[str, torch.nn.Parameter]]:
        """Put a fresh adapter on the denoiser; returns its parameters by name. It changes nothing until trained."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            config = LoraConfig(
                r=rank, lora_alpha=alpha or rank, target_modules=list(self.lora_targets), init_lora_weights="gaussian",
            )  # fmt: skip
            self.denoiser.add_adapter(config, adapter_name=ADAPTER)
        parameters = [(name, p) for name, p in self.denoiser.named_parameters() if p.requires_grad]
        # Small steps of a half-precision weight round to nothing.
        for _, parameter in parameters:
            parameter.data = parameter.data.to(torch.promote_types(parameter.dtype, torch.float32))
        return parameters

    def remove_lora(self) -> None:
        """Take the adapter off: the pipeline is what it was before."""
        self.denoiser.delete_adapters(ADAPTER)

    def lora_state(self) -> dict[str, Tensor]:
        """The adapter's weights under peft's names."""
        return dict(get_peft_model_state_dict(self.denoiser, adapter_name=ADAPTER))

    def save_lora(self, folder: Path) -> Path:
        """Write the adapter as safetensors that ``pipeline.load_lora_weights(folder)`` takes; returns the file."""
        folder.mkdir(parents=True, exist_ok=True)
        name = self.denoiser_name
        # Without the configuration whoever loads the file takes alpha for the rank, and the adapter's strength changes.
        config = self.denoiser.peft_config[ADAPTER].to_dict()
        self.pipeline.save_lora_weights(
            str(folder), **{f"{name}_lora_layers": self.lora_state(), f"{name}_lora_adapter_metadata": config}
        )
        return folder / "pytorch_lora_weights.safetensors"

    @contextmanager
    def wearing(self, lora: Path | None) -> Iterator[None]:
        """Let the pipeline wear this LoRA file inside the block.

        With None it stays as it is.
        """
        if lora is None:
            yield
            return
        self.pipeline.load_lora_weights(str(lora.parent), weight_name=lora.name, adapter_name="worn")
        try:
            yield
        finally:
            self.pipeline.unload_lora_weights()

    @contextmanager
    def reference(self) -> Iterator[None]:
        """Make the denoiser the reference model inside the block.

        The adapter is off and no gradient is kept.

        Enter it before the policy's own forward pass, not between that and its backward pass.
        """
        self.denoiser.disable_adapters()
        try:
            with torch.no_grad():
                yield
        finally:
            self.denoiser.enable_adapters()

    # --- what a family says -----------------------------------------------------------------------------------
    @property
    @abstractmethod
    def native_size(self) -> Size:
        """What the pipeline makes when nothing is asked for."""

    @property
    def side_step(self) -> int:
        """Width and height must be multiples of this."""
        return int(self.pipeline.vae_scale_factor)

    @property
    def frame_step(self) -> int | None:
        """A clip must have a multiple of this and one frame.

        None for families that make pictures.
        """
        return None

    def passes(self, guidance_scale: float) -> int:
        """Count the denoiser's passes for an item in one step.

        There are two where guidance compares with an empty prompt.
        """
        return 2 if guidance_scale > 1 else 1

    def decode(self, latents: Tensor) -> Tensor:
        """Decode latents as the denoiser gives them into the VAE's output.

        They are scaled as the VAE takes them.
        """
        decoded: Tensor = self.pipeline.vae.decode(latents.to(self.pipeline.vae.dtype), return_dict=False)[0]
        return decoded

    @abstractmethod
    def encode_media(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Encode media as latents.

        Takes uint8 RGB, images [b, h, w, 3] or clips [b, t, h, w, 3]; returns latents as the denoiser takes them.
        """

    @abstractmethod
    def encode_prompts(self, prompts: Sequence[str]) -> Conditioning:
        """Encode texts as conditioning, one row each."""

    @abstractmethod
    def predict(self, noisy: Tensor, timesteps: Tensor, conditioning: Conditioning) -> Tensor:
        """Compute the network's output for noised latents.

        Takes [b, …] at timesteps [b]; the output has the shape of the latents.
        """

    # --- shared by families -----------------------------------------------------------------------------------
    def to_network_range(self, pixels: NDArray[np.uint8]) -> Tensor:
        """uint8 [..., h, w, 3] → float in −1..1, channels before height: [..., 3, h, w]."""
        vae = self.pipeline.vae
        tensor = torch.from_numpy(np.ascontiguousarray(pixels)).to(vae.device).movedim(-1, -3)
        return (tensor.float() / 127.5 - 1).to(vae.dtype)

    def generate(self, prompts: Sequence[str], seeds: Sequence[int], **options: Any) -> list[Any]:
        """Make one image or clip of each prompt, each from its own seed.

        An item is an image (PIL) or clip (list of PIL images), the same whatever the others are.
        """
        generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
        with torch.no_grad():
            output = self.pipeline(prompt=list(prompts), generator=generators, **options)
        return list(output.frames if hasattr(output, "frames") else output.images)

    def move_encoders(self, device: torch.device | str) -> None:
        """Move everything but the denoiser.

        It is needed for encoding and sampling, and in the way while training.
        """
        for name, part in self.pipeline.components.items():
            if isinstance(part, torch.nn.Module) and name != self.denoiser_name:
                part.to(device)


def stack(rows: Sequence[Conditioning]) -> Conditioning:
    """Join rows of conditioning (each a batch of its own) into a batch."""
    return {key: torch.cat([row[key] for row in rows]) for key in rows[0]}


def twice(conditioning: Conditioning) -> Conditioning:
    """The same conditioning for a batch of winners followed by their losers."""
    return {key: torch.cat([value, value]) for key, value in conditioning.items()}
