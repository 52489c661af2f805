"""Pipeline folders: found, checked and told apart without loading a weight."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from reward_engine.errors import TrainingError

INDEX = "model_index.json"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
SAMPLES, SAMPLE_BYTES = 16, 65_536


def resolve(source: str | Path) -> Path:
    """Find and check the folder of a pipeline.

    That is ``source`` itself, or where its hub id is stored once downloaded.

    Raises:
        TrainingError: There is no such folder, the id cannot be had, or see :func:`check`.
    """
    folder = Path(source)
    if not folder.exists():
        if not HUB_ID.fullmatch(str(source)):
            raise TrainingError(
                f"There is no folder {source}, and it is no hub id (owner/name) either. "
                "Give the folder that `pipeline.save_pretrained` wrote.",
                code="no_pipeline",
            )
        folder = _download(str(source))
    check(folder)
    return folder


def _download(hub_id: str) -> Path:
    from diffusers import DiffusionPipeline

    try:
        return Path(DiffusionPipeline.download(hub_id, use_safetensors=True))
    except Exception as error:  # whatever the hub, the network or the disk has to say
        raise TrainingError(
            f"{hub_id} is neither a folder here nor could it be fetched from the hub ({error}). "
            "Download the pipeline and give its folder.",
            code="no_pipeline",
        ) from error


def downloaded(hub_id: str) -> Path | None:
    """Find the whole copy of a hub id on this disk.

    Returns None where something of it must still be fetched. Nothing is asked of the hub, and PyTorch is not loaded.
    """
    from huggingface_hub import try_to_load_from_cache

    try:
        index = try_to_load_from_cache(hub_id, INDEX)
    except ValueError:  # no id that the hub would give
        return None
    if not isinstance(index, str):  # nothing is known of it, or that it has no such file
        return None
    folder = Path(index).parent
    try:
        check(folder)
    except TrainingError as error:
        return folder if error.code == "pickled_pipeline" else None  # fetching it again would not mend that
    parts = [folder / name for name in components(folder)]
    whole = all(weight_files(part) for part in parts if (part / "config.json").is_file())
    return folder if whole else None


def check_lora(lora: Path) -> Path:
    """The safetensors file of a LoRA, given itself or in a folder.

    Raises:
        TrainingError: If there is none.
    """
    found = [lora] if lora.is_file() else sorted(lora.glob("*.safetensors"))
    if len(found) != 1 or found[0].suffix != ".safetensors":
        raise TrainingError(
            f"{lora} is no LoRA: one .safetensors file is needed, itself or in a folder.", code="no_lora"
        )
    header(found[0])
    return found[0]


def pipeline_class(folder: Path) -> str:
    """Read the name of a pipeline's class.

    Raises:
        TrainingError: If the folder does not say one.
    """
    return str(index(folder)["_class_name"])


def components(folder: Path) -> dict[str, str]:
    """Name → class name of the parts that are stored with the pipeline."""
    found = {}
    for name, value in index(folder).items():
        if isinstance(value, list) and len(value) == 2 and value[1] is not None:
            found[name] = str(value[1])
    return found


def check(folder: Path) -> None:
    """Check that every part of a pipeline is there.

    Every weight must be in safetensors, which cannot run code when read.

    Raises:
        TrainingError: With what is missing, where, and how to mend it.
    """
    for name in components(folder):
        part = folder / name
        if not part.is_dir():
            raise TrainingError(
                f"{folder} is not complete: its part “{name}” is missing. Save or download it again.",
                code="incomplete_pipeline",
            )
        for index in part.glob("*.safetensors.index.json"):
            lacking = {name for name in _json(index)["weight_map"].values() if not (part / name).is_file()}
            if lacking:
                raise TrainingError(
                    f"{part} is not complete: {len(lacking)} weight files are missing, {min(lacking)} among them. "
                    "Save or download the pipeline again.",
                    code="incomplete_pipeline",
                )
        if not any(part.glob("*.safetensors")) and (any(part.glob("*.bin")) or any(part.glob("*.ckpt"))):
            raise TrainingError(
                f"{part} holds pickled weights only (.bin), which can run code when they are read. "
                "Save the pipeline with `save_pretrained(folder, safe_serialization=True)`.",
                code="pickled_pipeline",
            )


def weight_files(part: Path) -> list[Path]:
    """List the safetensors files that loading a part reads.

    The variants beside them (fp16, non_ema) are not among them.
    """
    plain = [path for path in sorted(part.glob("*.safetensors")) if len(path.name.split(".")) == 2]
    return plain or sorted(part.glob("*.safetensors"))


def parameter_count(part: Path) -> int:
    """Count the numbers in the weights of a part from its files' headers."""
    total = 0
    for path in weight_files(part):
        for name, entry in header(path).items():
            if name != "__metadata__":
                size = 1
                for length in entry["shape"]:
                    size *= int(length)
                total += size
    return total


def header(path: Path) -> dict[str, Any]:
    """Read a safetensors file's header: name → dtype, shape, offsets.

    Raises:
        TrainingError: If it has none.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > path.stat().st_size:
                raise ValueError("its header is longer than the file")
            found = json.loads(file.read(length))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} is no safetensors file ({error}).", code="damaged_pipeline") from error
    if not isinstance(found, dict):
        raise TrainingError(f"{path} is no safetensors file (its header is no object).", code="damaged_pipeline")
    return found


def fingerprint(folder: Path, *more: Path) -> str:
    """sha256 hex that tells pipelines (and files ``more``, e.g. a LoRA) apart in milliseconds.

    Settings and small files enter whole; of weights their size, header and some blocks spread over the file,
    which differ where a model was tuned at all.
    """
    whole = hashlib.sha256()
    files = [folder / INDEX]
    for name in sorted(components(folder)):
        files += [path for path in sorted((folder / name).rglob("*")) if path.is_file()]
    for path in (*files, *more):
        place = path.relative_to(folder) if path.is_relative_to(folder) else path.name
        size = path.stat().st_size
        whole.update(f"{place}\0{size}\0".encode())
        with path.open("rb") as file:
            if size <= SAMPLES * SAMPLE_BYTES:
                whole.update(file.read())
            else:
                for sample in range(SAMPLES):
                    file.seek((size - SAMPLE_BYTES) * sample // (SAMPLES - 1))
                    whole.update(file.read(SAMPLE_BYTES))
    return whole.hexdigest()


def index(folder: Path) -> dict[str, Any]:
    """Read the index of a pipeline's folder."""
    index = folder / INDEX
    if not index.is_file():
        raise TrainingError(
            f"{folder} is no diffusers pipeline: it has no {INDEX}. "
            "Give the folder that `pipeline.save_pretrained` wrote, or a hub id.",
            code="no_pipeline",
        )
    found = _json(index)
    if "_class_name" not in found:
        raise TrainingError(f"{index} does not say which pipeline it is.", code="no_pipeline")
    return found


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} cannot be read ({error}).", code="no_pipeline") from error
    if not isinstance(found, dict):
        raise TrainingError(f"{path} is no JSON object.", code="no_pipeline")
    return found
