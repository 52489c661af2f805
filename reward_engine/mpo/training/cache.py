"""Latents of media and conditioning of prompts: encoded once, kept on disk, read again and again.

The VAE and the text encoders then take no memory and no time while the denoiser trains. A file is named by what it
was made from (sha256 of the media's bytes or of the prompt), in a folder named by pipeline and size, so that runs
may share a cache and a run that was killed goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from reward_engine import storage
from reward_engine.judges.base import Canceled, Progress
from reward_engine.mpo import tensors as files
from reward_engine.mpo.media import Size, load
from reward_engine.mpo.memory import in_batches
from reward_engine.mpo.policies import Conditioning, Policy
from reward_engine.mpo.policies.base import stack
from reward_engine.storage import sha256

KEEP_BYTES = 1 << 30  # how much of the cache is held in memory once read


class LatentCache:
    """Encoded media and prompts of one pipeline at one size."""

    def __init__(self, folder: Path, fingerprint: str, size: Size) -> None:
        self.folder = folder / sha256(f"{fingerprint}\0{size}".encode())[:16]
        self.size = size
        self._name: dict[Path, str] = {}
        self._kept: dict[Path, dict[str, Tensor]] = {}
        self._kept_bytes = 0

    def latent(self, media: Path) -> Tensor:
        """Read the latents [1, …] of a file that was encoded."""
        return self._read(self._latent_path(media))["latent"]

    def conditioning(self, prompts: Sequence[str]) -> Conditioning:
        """Read the conditioning of prompts, one row each."""
        return stack([self._read(self._text_path(prompt)) for prompt in prompts])

    def fill(
        self,
        policy: Policy,
        media: Sequence[Path],
        prompts: Sequence[str],
        *,
        batch_size: int = 8,
        progress: Progress | None = None,
        canceled: Canceled | None = None,
    ) -> bool:
        """Encode what is not there yet; whether it ran to its end.

        Raises:
            MediaError: The message says why.
            DataError: As ``media.load``.
        """
        lacking_media = [path for path in dict.fromkeys(media) if not self._latent_path(path).exists()]
        lacking_text = [text for text in dict.fromkeys(prompts) if not self._text_path(text).exists()]
        done, total = 0, len(lacking_media) + len(lacking_text)

        def report(count: int) -> bool:
            nonlocal done
            done += count
            if progress is not None:
                progress(done, total)
            return canceled is None or not canceled()

        with _exact_vae(policy):
            finished = in_batches(lacking_media, batch_size, lambda batch: self._encode_media(policy, batch), report)
        return finished and in_batches(lacking_text, batch_size, lambda batch: self._encode_text(policy, batch), report)

    def _encode_media(self, policy: Policy, paths: Sequence[Path]) -> None:
        latents = policy.encode_media(np.stack([load(path, self.size) for path in paths]))
        for path, latent in zip(paths, latents, strict=True):
            storage.write_bytes(self._latent_path(path), files.tensor_bytes({"latent": latent[None].float()}))

    def _encode_text(self, policy: Policy, prompts: Sequence[str]) -> None:
        rows = policy.encode_prompts(prompts)
        for index, prompt in enumerate(prompts):
            row = {name: value[index : index + 1] for name, value in rows.items()}
            storage.write_bytes(self._text_path(prompt), files.tensor_bytes(row))

    def _read(self, path: Path) -> dict[str, Tensor]:
        if path in self._kept:
            return self._kept[path]
        tensors = files.read_tensors(path)
        size = sum(tensor.nbytes for tensor in tensors.values())
        if self._kept_bytes + size <= KEEP_BYTES:
            self._kept[path] = tensors
            self._kept_bytes += size
        return tensors

    def _latent_path(self, media: Path) -> Path:
        if media not in self._name:
            self._name[media] = storage.file_sha256(media)
        return self._path("latent", self._name[media])

    def _text_path(self, prompt: str) -> Path:
        return self._path("text", sha256(prompt.encode()))

    def _path(self, kind: str, name: str) -> Path:
        return self.folder / kind / name[:2] / f"{name}.safetensors"


class _exact_vae:  # noqa: N801 - reads as the statement it is
    """Within it the VAE is float32: in half precision some (SD XL's) overflow, and this is done only once."""

    def __init__(self, policy: Policy) -> None:
        self.vae = policy.pipeline.vae

    def __enter__(self) -> None:
        self.dtype: torch.dtype = self.vae.dtype
        if self.dtype != torch.float32:
            self.vae.to(torch.float32)

    def __exit__(self, *_: object) -> None:
        if self.dtype != torch.float32:
            self.vae.to(self.dtype)
