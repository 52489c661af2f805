"""Files that are whole or not there at all, and that are still what was written."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

from reward_engine.errors import ArtifactError


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


def read_bytes(path: Path) -> bytes:
    """Raises ArtifactError where the file is missing or cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ArtifactError(f"{path} is missing.", code="missing") from error
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error.strerror}).", code="read") from error


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
