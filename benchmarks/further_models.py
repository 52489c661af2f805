"""More families for :mod:`benchmarks.models`: InternVL, Mistral 3 (Pixtral), LLaVA-OneVision, GLM-4V and Qwen3.5."""

from __future__ import annotations

from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from benchmarks.models import Parts, Size, corpus, text_settings

_CHATML = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
SPECIAL = {
    "internvl": [*_CHATML, "<img>", "</img>", "<IMG_CONTEXT>", "<video>"],
    "mistral3": ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[IMG]", "[IMG_BREAK]", "[IMG_END]", "<pad>"],
    "llava_onevision": [*_CHATML, "<image>", "<video>"],
    "glm4v": ["<|endoftext|>", "[gMASK]", "<sop>", "<|user|>", "<|assistant|>", "<|begin_of_image|>", "<|image|>", "<|end_of_image|>", "<|begin_of_video|>", "<|video|>", "<|end_of_video|>"],  # noqa: E501
    "qwen3_5": [*_CHATML, "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"],
}  # fmt: skip
_ROLES: dict[str, dict[str, Any]] = {
    "internvl": {
        "extra_special_tokens": {
            "start_image_token": "<img>", "end_image_token": "</img>",
            "context_image_token": "<IMG_CONTEXT>", "video_token": "<video>",
        }
    },
    "mistral3": {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"},
    "glm4v": {"eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"},
}  # fmt: skip


def _message(image: str, before: str, after: str, end: str, begin: str = "") -> str:
    return (
        begin + "{% for message in messages %}" + before + "{% for content in message['content'] %}"
        "{% if content['type'] == 'image' %}" + image + "{% elif content['type'] == 'video' %}"
        "<|vision_start|><|video_pad|><|vision_end|>{% elif 'text' in content %}{{ content['text'] }}{% endif %}"
        "{% endfor %}" + after + "{% endfor %}{% if add_generation_prompt %}" + end + "{% endif %}"
    )  # fmt: skip


_TURN = ("<|im_start|>{{ message['role'] }}\n", "<|im_end|>\n", "<|im_start|>assistant\n")
TEMPLATES = {
    "internvl": _message("<IMG_CONTEXT>\n", *_TURN),
    "mistral3": _message("[IMG]", "[INST]", "[/INST]", "", begin="<s>"),
    "llava_onevision": _message("<image>\n", *_TURN),
    "glm4v": _message(
        "<|begin_of_image|><|image|><|end_of_image|>", "<|{{ message['role'] }}|>\n", "", "<|assistant|>\n",
        begin="[gMASK]<sop>",
    ),
    "qwen3_5": _message("<|vision_start|><|image_pad|><|vision_end|>", *_TURN),
}  # fmt: skip


def tokenizer_of(family: str) -> Any:
    """A small byte-level BPE tokenizer with the family's own commands."""
    import transformers

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=3000, show_progress=False, special_tokens=SPECIAL[family], initial_alphabet=alphabet
    )
    raw.train_from_iterator(corpus(), trainer)
    roles = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"} | _ROLES.get(family, {})
    if family == "glm4v":
        roles["eos_token"] = "<|endoftext|>"
    return transformers.PreTrainedTokenizerFast(tokenizer_object=raw, model_max_length=32768, **roles)


def _internvl(tokenizer: Any, size: Size) -> tuple[Any, Parts]:
    import transformers

    side = 2 * round(size.image_tokens**0.5) * 8  # patches of 8 pixels, four of which make a media token
    config = transformers.InternVLConfig(
        text_config=transformers.Qwen2Config(**text_settings(size, len(tokenizer), tokenizer)),
        vision_config={
            "hidden_size": size.vision_hidden, "intermediate_size": 2 * size.vision_hidden,
            "num_hidden_layers": size.vision_layers, "num_attention_heads": 2, "image_size": side, "patch_size": 8,
            "initializer_range": size.spread,
        },
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=(side // 16) ** 2,
        tie_word_embeddings=False,
    )  # fmt: skip
    images = transformers.GotOcr2ImageProcessorPil(
        size={"height": side, "width": side}, crop_to_patches=True, min_patches=1, max_patches=4
    )
    extra = {"processor_class": "InternVLProcessor", "image_seq_length": (side // 16) ** 2}
    return transformers.InternVLForConditionalGeneration(config), Parts(images, extra, {})


def _mistral3(tokenizer: Any, size: Size) -> tuple[Any, Parts]:
    import transformers

    side = 2 * round(size.image_tokens**0.5) * 8
    text = text_settings(size, len(tokenizer), tokenizer) | {"head_dim": size.hidden // size.heads}
    config = transformers.Mistral3Config(
        text_config=transformers.MistralConfig(**text, sliding_window=None),
        vision_config=transformers.PixtralVisionConfig(
            hidden_size=size.vision_hidden, intermediate_size=2 * size.vision_hidden,
            num_hidden_layers=size.vision_layers, num_attention_heads=2, image_size=2 * side, patch_size=8,
            initializer_range=size.spread,
        ),
        image_token_index=tokenizer.convert_tokens_to_ids("[IMG]"),
        spatial_merge_size=2,
        tie_word_embeddings=False,
    )  # fmt: skip
    images = transformers.PixtralImageProcessorPil(size={"longest_edge": side}, patch_size={"height": 16, "width": 16})
    extra = {"processor_class": "PixtralProcessor", "patch_size": 8, "spatial_merge_size": 2}
    return transformers.Mistral3ForConditionalGeneration(config), Parts(images, extra, {})


def _llava_onevision(tokenizer: Any, size: Size) -> tuple[Any, Parts]:
    import transformers

    side = round(size.image_tokens**0.5) * 14
    pinpoints = [[side, side], [side, 2 * side], [2 * side, side]]
    config = transformers.LlavaOnevisionConfig(
        text_config=transformers.Qwen2Config(**text_settings(size, len(tokenizer), tokenizer)),
        vision_config=transformers.SiglipVisionConfig(
            hidden_size=size.vision_hidden, intermediate_size=2 * size.vision_hidden,
            num_hidden_layers=size.vision_layers, num_attention_heads=2, image_size=side, patch_size=14,
            vision_use_head=False,
        ),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        video_token_index=tokenizer.convert_tokens_to_ids("<video>"),
        image_grid_pinpoints=pinpoints,
        vision_feature_select_strategy="full",
        tie_word_embeddings=False,
    )  # fmt: skip
    images = transformers.LlavaOnevisionImageProcessorPil(
        size={"height": side, "width": side}, image_grid_pinpoints=pinpoints
    )
    extra = {
        "processor_class": "LlavaOnevisionProcessor", "num_image_tokens": (side // 14) ** 2,
        "vision_feature_select_strategy": "full", "image_token": "<image>", "video_token": "<video>",
    }  # fmt: skip
    return transformers.LlavaOnevisionForConditionalGeneration(config), Parts(images, extra, {})


def _glm4v(tokenizer: Any, size: Size) -> tuple[Any, Parts]:
    import transformers

    head = size.hidden // size.heads
    text = text_settings(size, len(tokenizer), tokenizer)
    text["rope_parameters"] = {
        "rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 1.0,
        "mrope_section": [head // 2 - 2 * (head // 8), head // 8, head // 8],
    }  # fmt: skip
    names = {
        "image_token_id": "<|image|>", "video_token_id": "<|video|>",
        "image_start_token_id": "<|begin_of_image|>", "image_end_token_id": "<|end_of_image|>",
        "video_start_token_id": "<|begin_of_video|>", "video_end_token_id": "<|end_of_video|>",
    }  # fmt: skip
    config = transformers.Glm4vConfig(
        text_config=text,
        vision_config={
            "depth": size.vision_layers, "hidden_size": size.vision_hidden, "num_heads": 2, "image_size": 112,
            "patch_size": 14, "out_hidden_size": size.hidden, "intermediate_size": 2 * size.vision_hidden,
            "initializer_range": size.spread,
        },
        tie_word_embeddings=False,
        **{name: tokenizer.convert_tokens_to_ids(token) for name, token in names.items()},
    )  # fmt: skip
    cell = 2 * 28 * 28  # pixels of one media token, two frames deep
    images = transformers.Glm4vImageProcessorPil(
        size={"shortest_edge": cell * max(4, size.image_tokens // 2), "longest_edge": cell * size.image_tokens},
        patch_size=14,
    )
    extra = {"processor_class": "Glm4vProcessor"}
    return transformers.Glm4vForConditionalGeneration(config), Parts(images, extra, {})


def _qwen3_5(tokenizer: Any, size: Size) -> tuple[Any, Parts]:
    import transformers

    head = size.hidden // size.heads
    text = text_settings(size, len(tokenizer), tokenizer) | {
        "head_dim": head,
        "initializer_range": 2 * size.spread,  # a gated state passes on less of what it saw than attention does
        "layer_types": ["linear_attention" if layer % 2 == 0 else "full_attention" for layer in range(size.layers)],
        "linear_key_head_dim": 8, "linear_value_head_dim": 8, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
        "rope_parameters": {
            "rope_type": "default", "rope_theta": 1e6, "partial_rotary_factor": 1.0, "mrope_interleaved": True,
            "mrope_section": [head // 2 - 2 * (head // 8), head // 8, head // 8],
        },
    }  # fmt: skip
    names = {"image_token_id": "image_pad", "video_token_id": "video_pad"}
    names |= {"vision_start_token_id": "vision_start", "vision_end_token_id": "vision_end"}
    config = transformers.Qwen3_5Config(
        text_config=text,
        vision_config={
            "depth": size.vision_layers, "num_heads": 2, "hidden_size": size.vision_hidden, "patch_size": 16,
            "out_hidden_size": size.hidden, "intermediate_size": 2 * size.vision_hidden,
            "num_position_embeddings": 256, "initializer_range": size.spread,
        },
        tie_word_embeddings=False,
        **{name: tokenizer.convert_tokens_to_ids(f"<|{token}|>") for name, token in names.items()},
    )  # fmt: skip
    cell = 32 * 32
    pixels = {"shortest_edge": cell * max(4, size.image_tokens // 2), "longest_edge": cell * size.image_tokens}
    mean = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    images = transformers.Qwen2VLImageProcessorPil(size=pixels, patch_size=16, **mean)
    video = {
        "video_processor_type": "Qwen3VLVideoProcessor", "size": {edge: 4 * most for edge, most in pixels.items()},
        "patch_size": 16, "temporal_patch_size": 2, "merge_size": 2, **mean,
    }  # fmt: skip
    extra = {"processor_class": "Qwen3VLProcessor"}
    return transformers.Qwen3_5ForConditionalGeneration(config), Parts(images, extra, video)


MAKERS = {
    "internvl": _internvl,
    "mistral3": _mistral3,
    "llava_onevision": _llava_onevision,
    "glm4v": _glm4v,
    "qwen3_5": _qwen3_5,
}
