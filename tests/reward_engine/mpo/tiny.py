"""Tiny random pipelines of every family, made offline from standard classes: they save and load like real ones."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLCogVideoX,
    CogVideoXDDIMScheduler,
    CogVideoXPipeline,
    CogVideoXTransformer3DModel,
    DDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

WORDS = (
    "a",
    "the",
    "red",
    "blue",
    "dark",
    "small",
    "large",
    "disc",
    "square",
    "left",
    "right",
    "top",
    "bottom",
    "center",
)
TOKENS = 16


def clip_tokenizer() -> CLIPTokenizer:
    """Whole words as tokens, by merges that build each word letter by letter."""
    letters = sorted({letter for word in WORDS for letter in word})
    vocab = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    merges: list[tuple[str, str]] = []
    for word in WORDS:
        parts = [*word[:-1], f"{word[-1]}</w>"]
        while len(parts) > 1:
            if (parts[0], parts[1]) not in merges:
                merges.append((parts[0], parts[1]))
                vocab.append(parts[0] + parts[1])
            parts = [parts[0] + parts[1], *parts[2:]]
    return CLIPTokenizer(
        vocab={token: index for index, token in enumerate(dict.fromkeys(vocab))}, merges=merges, model_max_length=TOKENS
    )


def clip_encoder(width: int = 16, *, projection: bool = False, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    tokenizer = clip_tokenizer()
    config = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=width, intermediate_size=2 * width, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=TOKENS, projection_dim=width,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    return (CLIPTextModelWithProjection if projection else CLIPTextModel)(config).eval()


def t5(width: int = 16) -> dict[str, Any]:
    torch.manual_seed(1)
    words = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *((f"▁{word}", -3.0) for word in WORDS)]
    tokenizer = T5Tokenizer(vocab=words, extra_ids=0, model_max_length=TOKENS)
    config = T5Config(
        vocab_size=len(words), d_model=width, d_kv=8, d_ff=2 * width, num_layers=1, num_heads=2, dropout_rate=0.0
    )
    return {"tokenizer": tokenizer, "encoder": T5EncoderModel(config).eval()}


def vae(latent_channels: int = 4, **options: Any) -> AutoencoderKL:
    """Halves the side once."""
    torch.manual_seed(2)
    return AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=latent_channels, norm_num_groups=4, sample_size=16, **options,
    ).eval()  # fmt: skip


def unet(width: int = 16, **options: Any) -> UNet2DConditionModel:
    torch.manual_seed(3)
    return UNet2DConditionModel(
        **{
            "sample_size": 8, "in_channels": 4, "out_channels": 4, "layers_per_block": 1, "block_out_channels": (8, 16),
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"), "norm_num_groups": 4,
            "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"), "cross_attention_dim": width,
            "attention_head_dim": 8, **options,
        }
    ).eval()  # fmt: skip


def stable_diffusion(prediction: str = "epsilon") -> StableDiffusionPipeline:
    return StableDiffusionPipeline(
        vae=vae(), text_encoder=clip_encoder(), tokenizer=clip_tokenizer(), unet=unet(),
        scheduler=DDIMScheduler(
            prediction_type=prediction, clip_sample=False, steps_offset=1,
            beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012,
        ),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip


def stable_diffusion_xl() -> StableDiffusionXLPipeline:
    return StableDiffusionXLPipeline(
        vae=vae(), text_encoder=clip_encoder(), text_encoder_2=clip_encoder(projection=True, seed=5),
        tokenizer=clip_tokenizer(), tokenizer_2=clip_tokenizer(),
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1),
        unet=unet(32, addition_embed_type="text_time", addition_time_embed_dim=8,
                  projection_class_embeddings_input_dim=6 * 8 + 16),
    )  # fmt: skip


def stable_diffusion_3() -> StableDiffusion3Pipeline:
    torch.manual_seed(4)
    long = t5(32)
    transformer = SD3Transformer2DModel(
        sample_size=8, in_channels=4, out_channels=4, num_layers=2, attention_head_dim=8, num_attention_heads=2,
        joint_attention_dim=32, caption_projection_dim=16, pooled_projection_dim=32, pos_embed_max_size=16,
    ).eval()  # fmt: skip
    return StableDiffusion3Pipeline(
        transformer=transformer, scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=vae(shift_factor=0.1, use_quant_conv=False, use_post_quant_conv=False),
        text_encoder=clip_encoder(projection=True), tokenizer=clip_tokenizer(),
        text_encoder_2=clip_encoder(projection=True, seed=5), tokenizer_2=clip_tokenizer(),
        text_encoder_3=long["encoder"], tokenizer_3=long["tokenizer"],
    )  # fmt: skip


def flux(*, guidance: bool = True) -> FluxPipeline:
    torch.manual_seed(4)
    long = t5(32)
    transformer = FluxTransformer2DModel(
        in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=32, pooled_projection_dim=16, guidance_embeds=guidance, axes_dims_rope=(4, 6, 6),
    ).eval()  # fmt: skip
    return FluxPipeline(
        transformer=transformer, scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=vae(shift_factor=0.1, use_quant_conv=False, use_post_quant_conv=False),
        text_encoder=clip_encoder(), tokenizer=clip_tokenizer(),
        text_encoder_2=long["encoder"], tokenizer_2=long["tokenizer"],
    )  # fmt: skip


def cogvideox(*, rotary: bool = True, patch_size_t: int | None = None) -> CogVideoXPipeline:
    torch.manual_seed(4)
    long = t5(32)
    transformer = CogVideoXTransformer3DModel(
        num_attention_heads=2, attention_head_dim=16, in_channels=4, out_channels=4, time_embed_dim=8,
        text_embed_dim=32, num_layers=1, sample_width=4, sample_height=4, sample_frames=9, patch_size=2,
        patch_size_t=patch_size_t, patch_bias=patch_size_t is None, max_text_seq_length=TOKENS,
        use_rotary_positional_embeddings=rotary,
    ).eval()  # fmt: skip
    video_vae = AutoencoderKLCogVideoX(
        down_block_types=("CogVideoXDownBlock3D",) * 4, up_block_types=("CogVideoXUpBlock3D",) * 4,
        block_out_channels=(8, 8, 8, 8), latent_channels=4, layers_per_block=1, norm_num_groups=2,
        temporal_compression_ratio=4, sample_height=32, sample_width=32,
    ).eval()  # fmt: skip
    return CogVideoXPipeline(
        tokenizer=long["tokenizer"], text_encoder=long["encoder"], vae=video_vae, transformer=transformer,
        scheduler=CogVideoXDDIMScheduler(
            prediction_type="v_prediction", beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012,
            rescale_betas_zero_snr=True, snr_shift_scale=3.0, timestep_spacing="trailing", clip_sample=False,
        ),
    )  # fmt: skip
