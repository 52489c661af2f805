"""From an original to what is shown of it: its view, the times of its frames, its thumbnail."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from annotator.core.errors import ProblemError
from annotator.library import storage
from annotator.library.media_facts import MediaFacts
from annotator.library.models import MediaType
from reward_engine.errors import MediaError
from reward_engine.media import (
    Window,
    decode_image,
    frame_times,
    sample_frames,
    write_image_view,
    write_video_view,
)

THUMBNAIL_SIDE = 480

# Stepping goes to the middle of a frame: up to here a constant step still meets the right one.
_MOST_DRIFT = 0.2


def store_renditions(path: Path, facts: MediaFacts) -> None:
    """Make and store what is shown of the verified file at ``path``; ProblemError where that is impossible."""
    try:
        with _shown(path, facts) as shown:
            if facts.view:
                storage.store_view(shown, facts)
            if facts.media_type == MediaType.VIDEO:
                storage.store_times(facts, uneven_times(shown))
            storage.store_thumbnail(facts, make_thumbnail(shown, facts))
    except MediaError as error:
        raise ProblemError(error.message, code=error.code) from error


@contextmanager
def _shown(path: Path, facts: MediaFacts) -> Iterator[Path]:
    if not facts.view:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="view-") as folder:
        made = Path(folder) / f"view.{facts.view}"
        (write_image_view if facts.media_type == MediaType.IMAGE else write_video_view)(path, made)
        yield made


def uneven_times(path: Path) -> list[float]:
    """Milliseconds at which each frame is shown where the frame rate varies; empty where it is constant."""
    times = frame_times(path)
    if len(times) < 3:
        return []
    step = times[-1] / (len(times) - 1)
    drift = np.abs(times - step * np.arange(len(times))).max()
    return [float(at) for at in times] if drift > _MOST_DRIFT * step else []


def make_thumbnail(path: Path, facts: MediaFacts) -> bytes:
    """A WebP still of at most 480 pixels on the longer side, upright; of a video the frame a third in."""
    try:
        if facts.media_type == MediaType.IMAGE:
            pixels = decode_image(path, max_side=THUMBNAIL_SIDE, spare=1.0)
        else:
            # The first frame is too often black or a title.
            at = Window(start_ms=(facts.duration_ms or 0) / 3, count=1)
            pixels = sample_frames(path, at, max_side=THUMBNAIL_SIDE).pixels[0]
    except MediaError as error:
        raise ProblemError(error.message, code=error.code) from error
    target = io.BytesIO()
    # Method 4 takes three times as long for a file that is an eighth smaller.
    Image.fromarray(pixels).save(target, "WEBP", quality=80, method=1)
    return target.getvalue()
