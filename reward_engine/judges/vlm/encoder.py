"""A media file, a prompt and questions → what the model takes. Runs in threads, ahead of the model."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from reward_engine.errors import JudgeError
from reward_engine.judges.base import MediaInput
from reward_engine.judges.vlm import tokens, wording
from reward_engine.judges.vlm.families import Family
from reward_engine.judges.vlm.inputs import TYPES, Encoded
from reward_engine.judges.vlm.options import VLMOptions
from reward_engine.media import Frames, decode_image, sample_frames

SEAM = "\u2063question\u2063"
"""Stands for the question while the chat template is rendered once for all of them."""


@dataclass
class Encoder:
    """Turns items and questions into tokens.

    ``context``: the most tokens the model knows positions for; None where it does not say.
    """

    processor: Any
    family: Family
    options: VLMOptions
    context: int | None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.control = tokens.control_tokens(self.processor)

    def encode(self, item: MediaInput, questions: Sequence[str]) -> Encoded:
        """Encode an item and its ``questions``, which may contain ``{prompt}``.

        Raises:
            MediaError: The item cannot be decoded.
            JudgeError: The item cannot be asked about.
        """
        pictures: list[Image.Image] = []
        clip: Frames | None = None
        if item.media_type == "image":
            pictures = [Image.fromarray(decode_image(item.path))]
        else:
            clip = sample_frames(item.path, self.options.sampler, max_side=self.options.frame_max_side)
            if self.family.video == "images":
                pictures, clip = [Image.fromarray(frame) for frame in clip.pixels], None
        prompt = tokens.neutral(item.prompt, self.control)
        texts = self._texts(item, prompt, questions, len(pictures))
        # Tokenizers written in Rust must not be called while another thread changes their padding.
        with self._lock:
            inputs = self._process(texts[0], pictures, clip)
            plain = self.processor.tokenizer(texts)["input_ids"]
        expanded = inputs.pop("input_ids")[0]
        types = inputs.pop(TYPES, None)
        inputs.pop("attention_mask", None)
        prefix, tails = tokens.split(expanded, plain)
        self._check_length(item, len(prefix) + max(len(tail) for tail in tails))
        return Encoded(
            item.key, prefix, tuple(tails), inputs, None if types is None else types[0, : len(prefix)].long()
        )

    def _texts(self, item: MediaInput, prompt: str, questions: Sequence[str], pictures: int) -> list[str]:
        content: list[dict[str, str]] = [{"type": "image"}] * pictures or [{"type": "video"}]
        said = wording.introduction(wording.chosen(self.options.wording), item.media_type, prompt)
        text = f"{said}{SEAM}"
        message = [{"role": "user", "content": [*content, {"type": "text", "text": text}]}]
        rendered = self.processor.apply_chat_template(message, add_generation_prompt=True, tokenize=False)
        before, seam, after = rendered.partition(SEAM)
        if not seam:
            raise JudgeError("The chat template of this model leaves out the user's text.", code="chat_template")
        return [before + question.replace("{prompt}", prompt).strip() + after for question in questions]

    def _process(self, text: str, pictures: list[Image.Image], clip: Frames | None) -> dict[str, Tensor]:
        media: dict[str, Any] = {"images": pictures} if pictures else {}
        if clip is not None:
            media = {"videos": [clip.pixels], "video_metadata": [_metadata(clip)], "do_sample_frames": False}
        found = self.processor(text=[text], return_tensors="pt", **media)
        return {
            name: value if isinstance(value, Tensor) else torch.as_tensor(np.asarray(value))
            for name, value in found.items()
            if name != "video_metadata"
        }

    def _check_length(self, item: MediaInput, length: int) -> None:
        if self.context is not None and length > self.context:
            raise JudgeError(
                f"{item.path.name}: media, prompt and question together have {length:,} tokens; this model takes "
                f"{self.context:,}. Shorten the prompt ({len(item.prompt):,} characters) or look at fewer frames.",
                code="too_long",
            )


def _metadata(clip: Frames) -> Any:
    """Times in milliseconds, as frame numbers of a clip with 1,000 frames a second: exact for any frame rate."""
    utils: Any = importlib.import_module("transformers.video_utils")
    height, width = clip.pixels.shape[1:3]
    times: NDArray[np.float64] = clip.times_ms
    return utils.VideoMetadata(
        total_num_frames=max(1, round(clip.duration_ms)),
        fps=1000.0,
        duration=clip.duration_ms / 1000.0,
        height=height,
        width=width,
        frames_indices=[round(time) for time in times.tolist()],
    )
