"""The folders in which the platform keeps files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from django.conf import settings


def imports_folder() -> Path:
    """Name the folder of uploads that wait to be imported.

    It is on the disk of the media, which web server and workers share, and never inside what is served.
    """
    return Path(settings.MEDIA_ROOT).parent / "imports"


def scoring_folder() -> Path:
    """Name the folder of files that are scored once and not kept; it lies beside the media, as the imports do."""
    return Path(settings.MEDIA_ROOT).parent / "scoring"


def kept_folders() -> Mapping[str, Path]:
    """Name each folder whose files must not be lost."""
    return {
        "media": Path(settings.MEDIA_ROOT),
        "artifacts": Path(settings.ARTIFACT_ROOT),
        "imports": imports_folder(),
        "scoring": scoring_folder(),
    }
