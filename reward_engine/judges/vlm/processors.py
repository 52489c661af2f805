"""A checkpoint's processor: its tokenizer, chat template and media processors, put together from its own files."""

from __future__ import annotations

import importlib
from typing import Any

from reward_engine.errors import JudgeError
from reward_engine.judges.vlm.families import Family

VIDEO_KIND = {
    "qwen2_vl": "Qwen2VLVideoProcessor",
    "qwen2_5_vl": "Qwen2VLVideoProcessor",
    "qwen3_vl": "Qwen3VLVideoProcessor",
    "smolvlm": "SmolVLMVideoProcessor",
}


def load_processor(source: str, family: Family, revision: str | None = None) -> Any:
    """Images are resized with Pillow and frames by :mod:`.frames`: the same numbers on every machine.

    Raises JudgeError where the checkpoint has no chat template; OSError where its files are missing.
    """
    transformers: Any = importlib.import_module("transformers")
    if family.processor is None:
        processor = transformers.AutoProcessor.from_pretrained(source, revision=revision, trust_remote_code=False)
    else:
        processor = _assemble(transformers, source, family, revision)
    tokenizer = getattr(processor, "tokenizer", None)
    if tokenizer is None:
        raise JudgeError("This model has no tokenizer, so it answers no questions.", code="tokenizer")
    if not (getattr(processor, "chat_template", None) or tokenizer.chat_template):
        raise JudgeError(
            "This model has no chat template, so it was not made to answer questions. "
            "Choose its “instruct” or “chat” version.",
            code="chat_template",
        )
    return processor


def _assemble(transformers: Any, source: str, family: Family, revision: str | None) -> Any:
    published: Any = getattr(transformers, str(family.processor))
    # The library looks for its own video processor's class, and fails to name it where torchvision is missing.
    cls: Any = type(published.__name__, (published,), {"check_argument_for_proper_class": lambda *_: None})
    if family.model_type == "smolvlm":
        _count_in_words()
    settings, _ = cls.get_processor_dict(source, revision=revision)
    parts = []
    for name in cls.get_attributes():
        if name == "image_processor":
            parts.append(transformers.AutoImageProcessor.from_pretrained(source, revision=revision, backend="pil"))
        elif name == "tokenizer":
            parts.append(transformers.AutoTokenizer.from_pretrained(source, revision=revision))
        elif name == "video_processor":
            parts.append(_frames(source, family, revision))
    processor = cls.from_args_and_dict(parts, settings)
    if not getattr(processor, "chat_template", None):
        processor.chat_template = processor.tokenizer.chat_template
    return processor


def _frames(source: str, family: Family, revision: str | None) -> Any:
    from reward_engine.judges.vlm.frames import FrameProcessor

    auto: Any = importlib.import_module("transformers.models.auto.video_processing_auto")
    found = auto.get_video_processor_config(source, revision=revision)
    return FrameProcessor({**found, "video_processor_type": VIDEO_KIND[family.model_type]})


def _count_in_words() -> None:
    """SmolVLM tells the model the number of frames in words, through a package that may not be there."""
    module: Any = importlib.import_module("transformers.models.smolvlm.processing_smolvlm")
    if module.num2words is None:
        module.num2words = in_words


_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def in_words(number: int) -> str:
    """24 → “twenty-four”; figures from 100 on."""
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens - 2] + (f"-{_ONES[ones]}" if ones else "")
    return str(number)
