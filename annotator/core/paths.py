"""Messages without the paths of the server: they help nobody who reads them, and tell strangers how it is built."""

from __future__ import annotations

import re
import sys
import sysconfig
import tempfile
from functools import lru_cache
from pathlib import Path

from django.conf import settings

_ENDS = r"(?=[/\s'\"“”‘’),.;:]|$)"


def without_paths(text: str) -> str:
    """The text with folders of this machine named by their settings: ``ARTIFACT_ROOT/models/3`` for the whole path."""
    if "/" not in text or not settings.configured:
        return text
    pattern, names = _known(
        str(settings.MEDIA_ROOT), str(settings.ARTIFACT_ROOT), str(settings.DATA_DIR), str(settings.BASE_DIR)
    )
    return pattern.sub(lambda found: _named(found[0], names), text)


def _named(path: str, names: tuple[tuple[str, str], ...]) -> str:
    return next((name for known, name in names if known == path), "the file")


@lru_cache(maxsize=8)
def _known(media: str, artifacts: str, data: str, base: str) -> tuple[re.Pattern[str], tuple[tuple[str, str], ...]]:
    """The longest first: the folder of artifacts mostly lies in that of the data."""
    folders = {
        media: "MEDIA_ROOT",
        artifacts: "ARTIFACT_ROOT",
        data: "DATA_DIR",
        sysconfig.get_paths()["purelib"]: "site-packages",
        sys.prefix: "python",
        base: "app",
        str(Path.home()): "~",
    }
    names = tuple(sorted(((path, name) for path, name in folders.items() if len(path) > 1), key=lambda p: -len(p[0])))
    # Copies that an import makes have names that mean nothing.
    copies = re.escape(tempfile.gettempdir()) + r"/visionreward-import-[\w-]+/[\w.-]+"
    return re.compile("|".join([*(re.escape(path) + _ENDS for path, _ in names), copies])), names
