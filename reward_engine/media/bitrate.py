"""How much a file spends on its content: the plainest measure of quality there is, and a baseline for judges."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reward_engine.errors import MediaError
from reward_engine.media.images import probe_image
from reward_engine.media.probe import probe_video

VIDEOS = (".mp4", ".webm", ".mov", ".mkv", ".avi")


def bitrates(paths: Sequence[Path]) -> NDArray[np.float64]:
    """Compute bits per second and pixel of videos, bits per pixel of images.

    Returns float64 [n]; NaN where a file cannot be read.
    """
    found = np.full(len(paths), np.nan)
    for row, path in enumerate(paths):
        try:
            found[row] = _bitrate(path)
        except (OSError, MediaError):
            continue
    return found


def _bitrate(path: Path) -> float:
    bits = 8.0 * path.stat().st_size
    if path.suffix.lower() in VIDEOS:
        video = probe_video(path)
        return spent(bits, video.width, video.height, video.duration_ms)
    image = probe_image(path)
    return spent(bits, image.width, image.height)


def spent(bits: float, width: int, height: int, duration_ms: int | None = None) -> float:
    """Compute bits a pixel, and a second where there is a duration."""
    seconds = 1.0 if duration_ms is None else max(duration_ms, 1) / 1000.0
    return bits / (max(width * height, 1) * seconds)
