"""Vision-language models with random weights, built offline: real classes, processors and chat templates, any size.

``build("qwen2_vl", folder)`` writes a folder that loads like a downloaded model. Nothing in it was trained, so
its answers mean nothing; what it costs and whether two ways to compute it agree are real.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from reward_engine.checklist import builtin

FAMILIES = (
    "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "llava", "idefics3", "smolvlm",
    "internvl", "mistral3", "llava_onevision", "glm4v", "qwen3_5",
)  # fmt: skip
"""The last line's are made by :mod:`benchmarks.further_models`."""


@dataclass(frozen=True)
class Size:
    """How large a model is. The defaults make one that a test can afford."""

    hidden: int = 32
    layers: int = 2
    heads: int = 4
    key_value_heads: int = 2
    intermediate: int = 64
    vision_hidden: int = 32
    vision_layers: int = 2
    image_tokens: int = 16
    """Media tokens of a square image: LLaVA, Idefics3, SmolVLM always; the Qwen families at least about so many."""
    context: int = 32768
    spread: float = 0.08
    """Standard deviation of the random weights: large enough that answers differ between media and questions."""


def build(family: str, folder: Path, size: Size | None = None, *, seed: int = 0, dtype: str = "float32") -> Path:
    """Write model, processor and tokenizer of a family into ``folder`` and return it."""
    import transformers

    from benchmarks import further_models as further

    size = size or Size()
    tokenizer = tokenizer_of(family) if family in MAKERS else further.tokenizer_of(family)
    torch.manual_seed(seed)
    model, parts = (MAKERS | further.MAKERS)[family](tokenizer, size)
    model.to(getattr(torch, dtype)).save_pretrained(folder, safe_serialization=True)
    tokenizer.chat_template = (TEMPLATES | further.TEMPLATES)[family]
    tokenizer.save_pretrained(folder)
    parts.image_processor.save_pretrained(folder)
    if parts.extra:
        import json

        (folder / "processor_config.json").write_text(json.dumps(parts.extra))
    if parts.video:
        import json

        (folder / "video_preprocessor_config.json").write_text(json.dumps(parts.video))
    transformers.logging.set_verbosity_error()
    return folder


@dataclass(frozen=True)
class Parts:
    image_processor: Any
    extra: dict[str, Any]
    video: dict[str, Any]


# --- tokenizers -----------------------------------------------------------------------------------------------------

_SPECIAL = {
    "qwen": ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"],  # noqa: E501
    "llava": ["<s>", "</s>", "<unk>", "<pad>", "<image>"],
    "idefics": ["<|begin_of_text|>", "<|im_start|>", "<end_of_utterance>", "<pad>", "<fake_token_around_image>", "<image>", "<global-img>"]  # noqa: E501
    + [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)],
}  # fmt: skip


def corpus() -> list[str]:
    checklist = builtin("video")
    texts = [question.text for question in checklist.questions]
    answers = ["yes", "no", "Yes", "No", "YES", "NO"]
    return texts * 4 + [f" {word}" for word in answers] * 60 + answers * 60 + ["user assistant system"] * 20


def tokenizer_of(family: str) -> Any:
    """A small BPE tokenizer in the family's manner: byte level, or SentencePiece-like (LLaVA)."""
    import transformers

    kind = "qwen" if family.startswith("qwen") else "llava" if family == "llava" else "idefics"
    special = _SPECIAL[kind]
    raw = Tokenizer(models.BPE(unk_token="<unk>" if kind == "llava" else None, byte_fallback=kind == "llava"))
    if kind == "llava":
        raw.normalizer = normalizers.NFC()
        raw.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
        raw.decoder = decoders.Metaspace(prepend_scheme="first")
        alphabet = [f"<0x{byte:02X}>" for byte in range(256)]
    else:
        raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        raw.decoder = decoders.ByteLevel()
        alphabet = []
    trainer = trainers.BpeTrainer(
        vocab_size=3000,  # so that common words are one token each, as in a tokenizer trained on real text
        show_progress=False,
        special_tokens=special + alphabet,
        initial_alphabet=[] if kind == "llava" else pre_tokenizers.ByteLevel.alphabet(),
    )
    raw.train_from_iterator(corpus(), trainer)
    roles = {
        "qwen": {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
        "llava": {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"},
        "idefics": {"bos_token": "<|im_start|>", "eos_token": "<end_of_utterance>", "pad_token": "<pad>"},
    }[kind]
    return transformers.PreTrainedTokenizerFast(tokenizer_object=raw, model_max_length=32768, **roles)


# --- chat templates, as the families publish them (without tools) ---------------------------------------------------

_QWEN = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}"
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}<|im_end|>\n{% else %}"
    "{% for content in message['content'] %}{% if content['type'] == 'image' %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% elif content['type'] == 'video' %}"
    "<|vision_start|><|video_pad|><|vision_end|>{% elif 'text' in content %}{{ content['text'] }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_LLAVA = (
    "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': ' }}{% endif %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\n' }}{% endfor %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{{ content['text'] + ' ' }}"
    "{% endfor %}{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
_IDEFICS = (
    "<|begin_of_text|>{% for message in messages %}{{ message['role'] | capitalize }}"
    "{% if message['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}"
    "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{ line['text'] }}"
    "{% elif line['type'] == 'image' %}{{ '<image>' }}{% elif line['type'] == 'video' %}{{ '<video>' }}{% endif %}"
    "{% endfor %}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
_SMOLVLM = _IDEFICS.replace("<|begin_of_text|>", "<|im_start|>")
TEMPLATES = {
    "qwen2_vl": _QWEN,
    "qwen2_5_vl": _QWEN,
    "qwen3_vl": _QWEN,
    "llava": _LLAVA,
    "idefics3": _IDEFICS,
    "smolvlm": _SMOLVLM,
}


# --- models ---------------------------------------------------------------------------------------------------------


def text_settings(size: Size, vocabulary: int, tokenizer: Any) -> dict[str, Any]:
    return {
        "vocab_size": vocabulary,
        "hidden_size": size.hidden,
        "intermediate_size": size.intermediate,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.key_value_heads,
        "max_position_embeddings": size.context,
        "initializer_range": size.spread,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "tie_word_embeddings": False,
    }


def _qwen(family: str) -> Any:
    def make(tokenizer: Any, size: Size) -> tuple[Any, Parts]:
        import transformers

        head = size.hidden // size.heads
        third = head // 2 // 4  # sections of the rotary dimensions: time, height, width, in about the published shares
        sections = [head // 2 - 2 * (3 * third // 2), 3 * third // 2, 3 * third // 2]
        text = text_settings(size, len(tokenizer), tokenizer)
        text["rope_parameters"] = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": sections}
        vision: dict[str, Any] = {"depth": size.vision_layers, "initializer_range": size.spread}
        # The published towers have heads of 80; smaller ones make do with two.
        vision["num_heads"] = size.vision_hidden // 80 if size.vision_hidden % 80 == 0 else 2
        if family == "qwen2_vl":
            names = ("Qwen2VLConfig", "Qwen2VLForConditionalGeneration")
            vision |= {"embed_dim": size.vision_hidden, "hidden_size": size.hidden, "patch_size": 14}
        elif family == "qwen2_5_vl":
            names = ("Qwen2_5_VLConfig", "Qwen2_5_VLForConditionalGeneration")
            vision |= {
                "hidden_size": size.vision_hidden,
                "out_hidden_size": size.hidden,
                "intermediate_size": 2 * size.vision_hidden,
                "patch_size": 14,
                "window_size": 56,
                "fullatt_block_indexes": [size.vision_layers - 1],
            }
        else:
            names = ("Qwen3VLConfig", "Qwen3VLForConditionalGeneration")
            text["head_dim"] = head
            text["rope_parameters"]["mrope_interleaved"] = True
            vision |= {
                "hidden_size": size.vision_hidden,
                "out_hidden_size": size.hidden,
                "intermediate_size": 2 * size.vision_hidden,
                "patch_size": 16,
                "num_position_embeddings": 256,
                "deepstack_visual_indexes": [0, size.vision_layers - 1],
            }
        config = getattr(transformers, names[0])(
            text_config=text,
            vision_config=vision,
            tie_word_embeddings=False,
            **{
                f"{name}_token_id": tokenizer.convert_tokens_to_ids(f"<|{token}|>")
                for name, token in (
                    ("image", "image_pad"),
                    ("video", "video_pad"),
                    ("vision_start", "vision_start"),
                    ("vision_end", "vision_end"),
                )
            },
        )
        patch = vision["patch_size"]
        cell = (2 * patch) ** 2  # pixels of one media token
        pixels = {"shortest_edge": cell * max(4, size.image_tokens // 2), "longest_edge": cell * size.image_tokens}
        mean = {} if patch == 14 else {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
        image_processor = transformers.Qwen2VLImageProcessorPil(size=pixels, patch_size=patch, **mean)
        frames = 4 if family == "qwen3_vl" else 1  # Qwen3-VL bounds the pixels of the whole clip, the others of a frame
        video = {
            "video_processor_type": "Qwen3VLVideoProcessor" if family == "qwen3_vl" else "Qwen2VLVideoProcessor",
            "size": {edge: value * frames for edge, value in pixels.items()},
            "patch_size": patch,
            "temporal_patch_size": 2,
            "merge_size": 2,
            **(mean or {"image_mean": image_processor.image_mean, "image_std": image_processor.image_std}),
        }
        processor = {
            "qwen2_vl": "Qwen2VLProcessor",
            "qwen2_5_vl": "Qwen2_5_VLProcessor",
            "qwen3_vl": "Qwen3VLProcessor",
        }
        return getattr(transformers, names[1])(config), Parts(
            image_processor, {"processor_class": processor[family]}, video
        )

    return make


def _llava(tokenizer: Any, size: Size) -> tuple[Any, Parts]:
    import transformers

    side = round(size.image_tokens**0.5)
    config = transformers.LlavaConfig(
        text_config=transformers.LlamaConfig(**text_settings(size, len(tokenizer), tokenizer)),
        vision_config=transformers.CLIPVisionConfig(
            hidden_size=size.vision_hidden,
            intermediate_size=2 * size.vision_hidden,
            num_hidden_layers=size.vision_layers + 1,
            num_attention_heads=2,
            image_size=14 * side,
            patch_size=14,
            projection_dim=size.vision_hidden,
        ),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=side * side,
        tie_word_embeddings=False,
    )
    edge = {"height": 14 * side, "width": 14 * side}
    image_processor = transformers.CLIPImageProcessorPil(size={"shortest_edge": 14 * side}, crop_size=edge)
    extra = {
        "processor_class": "LlavaProcessor",
        "patch_size": 14,
        "vision_feature_select_strategy": "default",
        "num_additional_image_tokens": 1,
        "image_token": "<image>",
    }
    return transformers.LlavaForConditionalGeneration(config), Parts(image_processor, extra, {})


def _idefics(family: str) -> Any:
    def make(tokenizer: Any, size: Size) -> tuple[Any, Parts]:
        import transformers

        names = {
            "idefics3": ("Idefics3Config", "Idefics3ForConditionalGeneration", "Idefics3ImageProcessorPil"),
            "smolvlm": ("SmolVLMConfig", "SmolVLMForConditionalGeneration", "SmolVLMImageProcessorPil"),
        }[family]
        side = 2 * round(size.image_tokens**0.5) * 8  # patches of 8 pixels, four of which make a media token
        config = getattr(transformers, names[0])(
            text_config=transformers.LlamaConfig(**text_settings(size, len(tokenizer), tokenizer)),
            vision_config={
                "hidden_size": size.vision_hidden,
                "intermediate_size": 2 * size.vision_hidden,
                "num_hidden_layers": size.vision_layers,
                "num_attention_heads": 2,
                "image_size": side,
                "patch_size": 8,
                "initializer_range": size.spread,
            },
            image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
            scale_factor=2,
            tie_word_embeddings=False,
        )
        image_processor = getattr(transformers, names[2])(
            size={"longest_edge": side if size.image_tokens > 256 else 2 * side},
            max_image_size={"longest_edge": side},
        )
        extra: dict[str, Any] = {
            "processor_class": "Idefics3Processor" if family == "idefics3" else "SmolVLMProcessor",
            "image_seq_len": (side // 16) ** 2,
        }
        video: dict[str, Any] = {}
        if family == "smolvlm":
            video = {
                "video_processor_type": "SmolVLMVideoProcessor",
                "size": {"longest_edge": side},
                "max_image_size": {"longest_edge": side},
                "num_frames": 24,
                "fps": 1,
            }
        return getattr(transformers, names[1])(config), Parts(image_processor, extra, video)

    return make


MAKERS = {
    "qwen2_vl": _qwen("qwen2_vl"),
    "qwen2_5_vl": _qwen("qwen2_5_vl"),
    "qwen3_vl": _qwen("qwen3_vl"),
    "llava": _llava,
    "idefics3": _idefics("idefics3"),
    "smolvlm": _idefics("smolvlm"),
}
