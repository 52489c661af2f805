"""How a vision-language judge runs: plain settings with a reason beside each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from reward_engine.errors import JudgeError
from reward_engine.media import EverySecond, Sampler

DType: TypeAlias = Literal["auto", "float32", "bfloat16", "float16"]
Way: TypeAlias = Literal["packed", "cached", "loop"]
"""How the questions of an item are answered, quickest first; see :mod:`reward_engine.judges.vlm.passes`."""

WAYS: tuple[Way, ...] = ("packed", "cached", "loop")


@dataclass(frozen=True)
class VLMOptions:
    """Settings of one judge. What changes its answers enters the judge's version."""

    dtype: DType = "auto"
    """``auto``: bfloat16 on a GPU, float32 on a CPU."""

    device: str = "auto"
    """``auto``: the GPU where there is one."""

    attention: str = "sdpa"
    """The library's ``attn_implementation``. Packing needs one that takes any mask: ``sdpa`` or ``eager``."""

    quantize: Literal["4bit", "8bit"] | None = None
    """Weights in 4 or 8 bits; needs bitsandbytes and a GPU that it supports."""

    compile: str | None = None
    """A ``torch.compile`` backend (such as ``inductor``) for the language model. Pays off over thousands of items."""

    way: Literal["auto"] | Way = "auto"
    """``auto``: the quickest that the model takes. A named way that it cannot take is refused."""

    wording: Literal["auto", "platform", "published"] = "auto"
    """In which words it is asked: ``platform`` (an introduction, then the question) or ``published`` (the bare
    question, for models trained on it). ``auto``: as an adapter was trained, and ``platform`` for a plain model."""

    token_budget: int = 16_384
    """Tokens in one pass, padding included. Bounds memory; one item may exceed it, since its media cannot be split."""

    sampler: Sampler = field(default_factory=EverySecond)
    """Which frames of a video to look at: by default one a second, at most 24, as published."""

    frame_max_side: int = 768
    """Video frames are reduced to this many pixels on the longer side while decoding."""

    decode_threads: int = 2
    """Files decoded at the same time, ahead of the model."""

    ahead: int = 6
    """Decoded items that may wait for the model."""

    def __post_init__(self) -> None:
        if self.dtype not in ("auto", "float32", "bfloat16", "float16"):
            raise JudgeError(f"“{self.dtype}” is no number format; choose auto, float32, bfloat16 or float16.")
        if self.way not in ("auto", *WAYS):
            raise JudgeError(f"“{self.way}” is no way to answer; choose auto, packed, cached or loop.")
        if self.wording not in ("auto", "platform", "published"):
            raise JudgeError(f"“{self.wording}” is no wording; choose auto, platform or published.", code="wording")
        if self.quantize not in (None, "4bit", "8bit"):
            raise JudgeError(f"Weights can be kept in 4bit or 8bit, not in “{self.quantize}”.")
        for name in ("token_budget", "frame_max_side", "decode_threads", "ahead"):
            if getattr(self, name) < 1:
                raise JudgeError(f"{name} must be at least 1; it is {getattr(self, name)}.")
