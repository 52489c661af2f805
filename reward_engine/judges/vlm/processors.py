"""A checkpoint's processor: its tokenizer, chat template and media processors, put together from its own files."""

from __future__ import annotations

import importlib
import sys
from importlib import metadata
from typing import Any

from reward_engine.errors import JudgeError
from reward_engine.judges.vlm.families import Family

VIDEO_KIND = {
    "qwen2_vl": "Qwen2VLVideoProcessor",
    "qwen2_5_vl": "Qwen2VLVideoProcessor",
    "qwen3_vl": "Qwen3VLVideoProcessor",
    "qwen3_5": "Qwen3VLVideoProcessor",
    "smolvlm": "SmolVLMVideoProcessor",
}


def load_processor(source: str, family: Family, revision: str | None = None) -> Any:
    """Load a checkpoint's processor.

    It resizes images with Pillow and frames by :mod:`.frames`, so that numbers are the same on every machine.

    Raises:
        JudgeError: If the checkpoint has no chat template, no tokenizer or no image processor, or is of a family that
            cannot be asked.
        OSError: If files are missing.
    """
    transformers: Any = importlib.import_module("transformers")
    if family.refused:
        raise JudgeError(family.refused, code="family")
    name = family.processor or _library_name(family.model_type)
    if name is None:
        processor = transformers.AutoProcessor.from_pretrained(source, revision=revision, trust_remote_code=False)
    else:
        processor = _assemble(transformers, name, source, family, revision)
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


def _library_name(model_type: str) -> str | None:
    """The class of processor that the library keeps for a model type; None where it has none with these parts."""
    auto: Any = importlib.import_module("transformers.models.auto.processing_auto")
    transformers: Any = importlib.import_module("transformers")
    name = auto.PROCESSOR_MAPPING_NAMES.get(model_type)
    cls = _class(transformers, name) if name else None
    if cls is None or not {"image_processor", "tokenizer"} <= set(cls.get_attributes()):
        return None
    return str(name)


def _class(transformers: Any, name: str) -> Any:
    """A class of the library.

    Raises:
        ImportError: If only a placeholder is there, for want of a package.
    """
    found = getattr(transformers, name, None)
    if not getattr(found, "is_dummy", False):
        return found
    if name == "PixtralProcessor":
        return _pixtral()
    raise ImportError(f"{name} needs torchvision.")


def _pixtral() -> Any:
    """Pixtral's processor, which the library hides where torchvision is missing: of it, it needs one size rule only.

    The same rule stands in the module that works with Pillow, which takes the other's place.
    """
    package = "transformers.models.pixtral"
    pillow = importlib.import_module(f"{package}.image_processing_pil_pixtral")
    sys.modules.setdefault(f"{package}.image_processing_pixtral", pillow)
    return importlib.import_module(f"{package}.processing_pixtral").PixtralProcessor


def missing_package(error: ImportError) -> str:
    """Say what to install where a family needs a package that is missing."""
    if "torchvision" in str(error).lower():
        release = metadata.version("torch").partition("+")[0]
        return (
            f"this family's processor needs the package torchvision, which is not here. Install the release that "
            f"belongs to torch {release}, from the package index that torch came from: a build for CUDA cannot be "
            "loaded beside a torch for CPUs. The families in the documentation do without it."
        )
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return f"a package is missing: {first[:300]}"


def _assemble(transformers: Any, name: str, source: str, family: Family, revision: str | None) -> Any:
    published: Any = _class(transformers, name)
    # The library looks for its own video processor's class, and fails to name it where torchvision is missing.
    cls: Any = type(published.__name__, (published,), {"check_argument_for_proper_class": lambda *_: None})
    if family.model_type == "smolvlm":
        _count_in_words()
    settings, _ = cls.get_processor_dict(source, revision=revision)
    parts = []
    for part in cls.get_attributes():
        if part == "image_processor":
            parts.append(_images(transformers, source, revision))
        elif part == "tokenizer":
            parts.append(transformers.AutoTokenizer.from_pretrained(source, revision=revision))
        elif part == "video_processor":
            # A family that is shown the frames of a clip as images needs no processor for clips.
            parts.append(_frames(source, family, revision) if family.video == "clip" else None)
        else:
            parts.append(None)
    processor = cls.from_args_and_dict(parts, settings)
    if not getattr(processor, "chat_template", None):
        processor.chat_template = processor.tokenizer.chat_template
    return processor


def _images(transformers: Any, source: str, revision: str | None) -> Any:
    try:
        return transformers.AutoImageProcessor.from_pretrained(source, revision=revision, backend="pil")
    except (OSError, ValueError) as error:
        raise JudgeError(
            f"{source}: there are no settings of an image processor (preprocessor_config.json) that can be used, so "
            "it is not known how pictures are prepared for this model. Copy the file from where the model comes from.",
            code="image_processor",
        ) from error


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
    """Write a number in words (24: “twenty-four”); from 100 on in figures."""
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens - 2] + (f"-{_ONES[ones]}" if ones else "")
    return str(number)
