"""Model folders: safetensors and a manifest, written whole or not at all, checked before use."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from reward_engine import WRITTEN_BY
from reward_engine.errors import ArtifactError
from reward_engine.storage import sha256

MANIFEST = "manifest.json"
ARRAYS = "heads.safetensors"
RETRAIN = "Train the model again or restore its folder."


def write(folder: Path, manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write both files into ``folder``, which must not exist yet or be empty.

    They are written beside it and renamed, so that a reader finds all or nothing.

    Raises:
        ArtifactError: A file is missing or not as it was written.
    """
    write_files(folder, manifest, {ARRAYS: save({name: np.ascontiguousarray(array) for name, array in arrays.items()})})


def write_files(folder: Path, manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    """Write any files as :func:`write` does, their checksums into the manifest."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ArtifactError(f"{folder.name}: there is something already; a model is never overwritten.", code="exists")
    checksums = {name: digest(content) for name, content in files.items()}
    text = json.dumps(
        {**manifest, "written_by": WRITTEN_BY, "sha256": checksums}, indent=2, ensure_ascii=False, allow_nan=False
    )
    beside = folder.with_name(f".{folder.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        beside.mkdir(parents=True)
        for name, data in (*files.items(), (MANIFEST, text.encode())):
            with (beside / name).open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        beside.replace(folder)
    except OSError as error:
        raise ArtifactError(
            f"{folder.name}: the model cannot be written ({error.strerror or error}).", code="write"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(beside)


def read(folder: Path, *, kind: str, format_version: int) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read the manifest and arrays of a folder.

    Raises:
        ArtifactError: Something is not as it was written.
    """
    manifest, files = read_files(folder, (ARRAYS,), kind=kind, format_version=format_version)
    try:
        return manifest, load(files[ARRAYS])
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{folder.name}: {ARRAYS} cannot be read ({error}). {RETRAIN}", code="arrays") from error


def read_files(
    folder: Path, names: Sequence[str], *, kind: str, format_version: int
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Read the manifest and each file that it records, by name.

    Raises:
        ArtifactError: A file is missing or not as it was written.
    """
    manifest = _manifest(folder)
    if manifest.get("kind") != kind:
        raise ArtifactError(
            f"{folder.name}: this is a “{manifest.get('kind')}”, where a “{kind}” is expected.", code="kind"
        )
    if manifest.get("format") != format_version:
        raise ArtifactError(
            f"{folder.name}: the format {manifest.get('format')!r} is unknown; this version reads {format_version}. "
            "Use the version of the platform that wrote it, or train again.",
            code="format",
        )
    files, recorded = {}, manifest.get("sha256")
    for name in names:
        files[name] = _bytes(folder / name)
        if not isinstance(recorded, dict) or recorded.get(name) != digest(files[name]):
            raise ArtifactError(f"{folder.name}: {name} is not what its manifest records. {RETRAIN}", code="checksum")
    return manifest, files


def kind_of(folder: Path) -> str:
    """Read what kind of judge a folder says it holds.

    Raises:
        ArtifactError: If its manifest cannot be read.
    """
    return str(_manifest(folder).get("kind"))


def digest(content: bytes) -> str:
    """Compute the sha256 of a file's content."""
    return sha256(content)


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(_bytes(folder / MANIFEST))
    except ValueError as error:
        raise ArtifactError(
            f"{folder.name}: {MANIFEST} is not valid JSON ({error}). {RETRAIN}", code="manifest"
        ) from error
    if not isinstance(manifest, dict):
        raise ArtifactError(f"{folder.name}: {MANIFEST} is not a JSON object. {RETRAIN}", code="manifest")
    return manifest


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ArtifactError(f"{path.parent.name}: {path.name} is missing. {RETRAIN}", code="missing") from error
    except OSError as error:
        raise ArtifactError(
            f"{path.parent.name}: {path.name} cannot be read ({error.strerror}).", code="read"
        ) from error
