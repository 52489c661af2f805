"""Files that are whole or not there at all, and that are still what was written."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from reward_engine.errors import ArtifactError

RECORD = "state.json"


def write_bytes(path: Path, content: bytes) -> None:
    """Written beside and renamed: a reader, or whoever comes after a kill, finds the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    write_bytes(path, (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """Raises ArtifactError where the file is missing or no JSON object."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ArtifactError(f"{path} is missing.", code="missing") from error
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} cannot be read ({error}).", code="read") from error
    if not isinstance(content, dict):
        raise ArtifactError(f"{path} is no JSON object.", code="read")
    return content


def write_folder(folder: Path, tensors: Mapping[str, Mapping[str, Tensor]], record: Mapping[str, Any]) -> None:
    """One safetensors file a name and ``state.json`` with the record and their sha256, all at once or nothing.

    A folder that is there already is replaced.
    """
    beside = folder.with_name(f".{folder.name}.{os.getpid()}-{secrets.token_hex(4)}")
    beside.mkdir(parents=True)
    try:
        sums = {}
        for name, content in tensors.items():
            data = tensor_bytes(content)
            sums[f"{name}.safetensors"] = hashlib.sha256(data).hexdigest()
            write_bytes(beside / f"{name}.safetensors", data)
        write_json(beside / RECORD, {**record, "sha256": sums})
        if folder.exists():
            shutil.rmtree(folder)
        beside.replace(folder)
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(beside)


def read_folder(folder: Path) -> tuple[dict[str, Any], dict[str, dict[str, Tensor]]]:
    """(record, name → tensors). Raises ArtifactError for whatever is not as :func:`write_folder` left it."""
    record = read_json(folder / RECORD)
    sums = record.get("sha256")
    if not isinstance(sums, dict):
        raise ArtifactError(f"{folder / RECORD} holds no checksums.", code="checksum")
    found = {}
    for name, expected in sums.items():
        content = _bytes(folder / name)
        if hashlib.sha256(content).hexdigest() != expected:
            raise ArtifactError(f"{folder / name} is not what was written.", code="checksum")
        found[name.removesuffix(".safetensors")] = _tensors(content, folder / name)
    return record, found


def tensor_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    return save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Raises ArtifactError where the file is missing or no safetensors."""
    return _tensors(_bytes(path), path)


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ArtifactError(f"{path} is missing.", code="missing") from error
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error.strerror}).", code="read") from error


def _tensors(content: bytes, path: Path) -> dict[str, torch.Tensor]:
    try:
        return load(content)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{path} is no safetensors file ({error}).", code="read") from error
