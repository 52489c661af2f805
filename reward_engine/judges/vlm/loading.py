"""Open a model from a local folder or a hub id: safetensors only, nothing of the checkpoint's own code is run."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from reward_engine.errors import ArtifactError, JudgeError
from reward_engine.judges.vlm import tokens
from reward_engine.judges.vlm.backbone import Backbone
from reward_engine.judges.vlm.families import Family, family_of
from reward_engine.judges.vlm.files import CODE, check_code, check_tensors, check_weights, own_code
from reward_engine.judges.vlm.options import VLMOptions
from reward_engine.judges.vlm.processors import load_processor, missing_package


def load_model(
    source: str | Path, options: VLMOptions, *, revision: str | None = None
) -> tuple[Backbone, Any, Family, str]:
    """Load model, processor, family, and digest of the files answers depend on.

    Raises:
        ArtifactError: If weights are missing, pickled, torn or not those of the model's class, or code of the
            checkpoint's own is needed.
        JudgeError: If the model is none that answers questions about pictures or an option asks for what is not there.
    """
    transformers: Any = importlib.import_module("transformers")
    name = str(source)
    local = is_folder(source)
    if local:
        check_code(Path(source))
        check_weights(Path(source))
    try:
        config = transformers.AutoConfig.from_pretrained(name, revision=revision, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ArtifactError(
            f"{name}: this is no model that can be opened ({_first_line(error)}).", code="model"
        ) from error
    if getattr(config, CODE, None):
        raise own_code(name)
    family = family_of(config.model_type)
    device = choose_device(options.device)
    extra: dict[str, Any] = {"dtype": choose_dtype(options, device)}
    if options.quantize is not None:
        extra |= _quantized(transformers, options, extra["dtype"])
    try:
        processor = load_processor(name, family, revision)
        model, info = transformers.AutoModelForImageTextToText.from_pretrained(
            name,
            revision=revision,
            attn_implementation=options.attention,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are refused below, by name
            **extra,
        )
    except ImportError as error:
        raise JudgeError(f"{name}: {missing_package(error)}", code="package") from error
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise ArtifactError(f"{name}: the model cannot be loaded ({_first_line(error)}).", code="model") from error
    check_tensors(name, info)
    if options.quantize is None:
        model = model.to(device)
    model.eval().requires_grad_(False)
    yes, no = tokens.answer_tokens(processor.tokenizer)
    pad = processor.tokenizer.pad_token_id
    backbone = Backbone(model, tuple(yes), tuple(no), options.attention, pad if pad is not None else 0)
    if options.compile is not None:
        backbone.text.compile(backend=options.compile, dynamic=True)
    digest = folder_digest(Path(source)) if local else hub_digest(config, name)
    return backbone, processor, family, digest


def is_folder(source: str | Path) -> bool:
    """Whether a source is a local folder; if not, it is a hub id.

    Raises:
        ArtifactError: For a path where nothing is.
    """
    if Path(source).is_dir():
        return True
    text = str(source)
    if Path(source).exists():
        raise ArtifactError(f"{text}: this is a file; a model is a folder.", code="missing")
    if isinstance(source, Path) or text.startswith(("/", ".", "~")) or "\\" in text or text.count("/") > 1:
        raise ArtifactError(f"{text}: there is no such folder.", code="missing")
    return False


def choose_device(name: str) -> torch.device:
    """The device of this name; ``auto`` is the GPU where there is one.

    Raises:
        JudgeError: If it is missing.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise JudgeError(f"“{name}” is no device; choose auto, cpu or cuda.", code="device") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise JudgeError("There is no CUDA GPU here (or torch is built without CUDA); choose cpu.", code="device")
    return device


def choose_dtype(options: VLMOptions, device: torch.device) -> torch.dtype:
    """Choose the precision of the weights for a device."""
    if options.dtype == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    found: torch.dtype = getattr(torch, options.dtype)
    return found


def _quantized(transformers: Any, options: VLMOptions, dtype: torch.dtype) -> dict[str, Any]:
    if importlib.util.find_spec("bitsandbytes") is None:
        raise JudgeError(
            f"Weights in {options.quantize} need the package bitsandbytes, which is not installed here.", code="package"
        )
    settings = (
        {"load_in_4bit": True, "bnb_4bit_compute_dtype": dtype, "bnb_4bit_quant_type": "nf4"}
        if options.quantize == "4bit"
        else {"load_in_8bit": True}
    )
    return {"quantization_config": transformers.BitsAndBytesConfig(**settings), "device_map": "auto"}


def folder_digest(folder: Path) -> str:
    """sha256 over the files that decide answers: weights, configuration, tokenizer, templates; not their dates."""
    hashed = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".safetensors", ".json", ".jinja", ".txt", ".model") and path.is_file():
            with path.open("rb") as file:
                hashed.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return hashed.hexdigest()


def hub_digest(config: Any, name: str) -> str:
    """Digest a hub's commit, which names files as surely as content does."""
    commit = getattr(config, "_commit_hash", None)
    if not commit:
        raise ArtifactError(f"{name}: the hub did not say which revision this is; download it to a folder.", code="hub")
    return f"{name}@{commit}"


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]
