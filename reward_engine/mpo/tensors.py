"""Tensors in safetensors files, alone or in folders with checksums: whole, and still what was written."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from reward_engine import storage
from reward_engine.errors import ArtifactError
from reward_engine.storage import sha256

RECORD = "state.json"


def write_folder(folder: Path, tensors: Mapping[str, Mapping[str, Tensor]], record: Mapping[str, Any]) -> None:
    """Write tensors and a record, all at once or nothing.

    One safetensors file per name and ``state.json`` with the record and their sha256.

    A folder that is there already is replaced.
    """
    beside = folder.with_name(f".{folder.name}.{os.getpid()}-{secrets.token_hex(4)}")
    beside.mkdir(parents=True)
    try:
        sums = {}
        for name, content in tensors.items():
            data = tensor_bytes(content)
            sums[f"{name}.safetensors"] = sha256(data)
            storage.write_bytes(beside / f"{name}.safetensors", data)
        storage.write_json(beside / RECORD, {**record, "sha256": sums})
        if folder.exists():
            shutil.rmtree(folder)
        beside.replace(folder)
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(beside)


def read_folder(folder: Path) -> tuple[dict[str, Any], dict[str, dict[str, Tensor]]]:
    """Read a record and its tensors by name.

    Raises:
        ArtifactError: For whatever is not as :func:`write_folder` left it.
    """
    record = storage.read_json(folder / RECORD)
    sums = record.get("sha256")
    if not isinstance(sums, dict):
        raise ArtifactError(f"{folder / RECORD} holds no checksums.", code="checksum")
    found = {}
    for name, expected in sums.items():
        content = storage.read_bytes(folder / name)
        if sha256(content) != expected:
            raise ArtifactError(f"{folder / name} is not what was written.", code="checksum")
        found[name.removesuffix(".safetensors")] = _tensors(content, folder / name)
    return record, found


def tensor_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """Write tensors as the bytes of a safetensors file."""
    return save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Raises:
        ArtifactError: If the file is missing or no safetensors.
    """
    return _tensors(storage.read_bytes(path), path)


def _tensors(content: bytes, path: Path) -> dict[str, Tensor]:
    try:
        return load(content)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{path} is no safetensors file ({error}).", code="read") from error
