"""Pictures and clips as the denoiser's training wants them: one size, whole files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reward_engine.errors import DataError
from reward_engine.media import Uniform, decode_image, sample_frames


@dataclass(frozen=True)
class Size:
    """``width`` and ``height`` in pixels; ``frames`` of a clip, None for pictures."""

    width: int
    height: int
    frames: int | None = None

    def __str__(self) -> str:
        return f"{self.width} × {self.height}" + (f" × {self.frames} frames" if self.frames else "")


def load(path: Path, size: Size) -> NDArray[np.uint8]:
    """Load a picture or clip, cropped and scaled to ``size``.

    Returns uint8 RGB [h, w, 3] of a picture or [t, h, w, 3] of a clip, cropped about its center. Media of that size
    come back as they are.

    Raises:
        MediaError: For a file that cannot be read.
        DataError: For a clip with fewer frames than wanted.
    """
    if size.frames is None:
        return _fit(decode_image(path), size)
    clip = sample_frames(path, Uniform(size.frames))
    if len(clip.pixels) < size.frames:
        raise DataError(
            f"{path.name}: the clip has {clip.total} frames, training is set to {size.frames}; "
            "set fewer frames or leave the clip out."
        )
    return np.stack([_fit(picture, size) for picture in clip.pixels])


def _fit(picture: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    if (width, height) == (size.width, size.height):
        return picture
    scale = max(size.width / width, size.height / height)
    box_width, box_height = size.width / scale, size.height / scale
    left, top = (width - box_width) / 2, (height - box_height) / 2
    resized = Image.fromarray(picture).resize(
        (size.width, size.height), Image.Resampling.LANCZOS, (left, top, left + box_width, top + box_height)
    )
    return np.asarray(resized, dtype=np.uint8).copy()


def save_clip(frames: Sequence[Image.Image], path: Path, *, rate: int = 8) -> None:
    """Write an H.264 clip of ``rate`` frames a second."""
    import av

    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate))
        stream.width, stream.height = frames[0].size
        stream.pix_fmt = "yuv420p"
        # Nearly lossless, as a reward looks at it; without the macroblock tree, whose AVX-512 code is not
        # deterministic.
        stream.options = {"crf": "12", "preset": "veryfast", "mbtree": "0"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(frame.convert("RGB")), format="rgb24")))
        container.mux(stream.encode(None))
