"""Files that are whole or not there at all, and that are still what was written."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from reward_engine.errors import ArtifactError


@contextmanager
def temporary(path: Path) -> Iterator[Path]:
    """Yield a path whose file appears only when it is whole.

    It lies in the same folder, with the same ending, and moves to ``path`` when the block ends well. A reader, or
    whoever comes after a kill, finds the old file or the new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{os.getpid()}-{secrets.token_hex(4)}.{path.name}")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def written(path: Path, mode: int = 0o666, *, durable: bool = True) -> Iterator[IO[bytes]]:
    """Open a file that appears only when it is whole.

    It appears at ``path`` when the block ends well; see :func:`temporary`.

    Args:
        path: The file; its folder is made.
        mode: Its permissions, less the process's umask.
        durable: Sync the file and its name to the disk, so that they survive a power cut.
    """
    with (
        temporary(path) as beside,
        os.fdopen(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as file,
    ):
        yield file
        if durable:
            file.flush()
            os.fsync(file.fileno())
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Sync a folder's names to the disk, so that renames survive power cuts."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; see :func:`written`."""
    with written(path) as file:
        file.write(content)


def write_json(path: Path, content: Any) -> None:
    """Write data as JSON, whole or not at all."""
    write_bytes(path, (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file.

    Raises:
        ArtifactError: If the file is missing or no JSON object.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ArtifactError(f"{path} is missing.", code="missing") from error
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} cannot be read ({error}).", code="read") from error
    if not isinstance(content, dict):
        raise ArtifactError(f"{path} is no JSON object.", code="read")
    return content


def read_bytes(path: Path) -> bytes:
    """Read a file whole.

    Raises:
        ArtifactError: If the file is missing or cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ArtifactError(f"{path} is missing.", code="missing") from error
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error.strerror}).", code="read") from error


def sha256(content: bytes) -> str:
    """Compute the SHA-256 of some bytes, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def file_sha256(path: Path) -> str:
    """Compute the SHA-256 of a file's content, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
