"""Media as trainers have them, as files that a judge reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reward_engine.errors import DataError

Kind = Literal["image", "video"]
CLIP_RATE = 8
"""Frames a second of clips that come as arrays, which say nothing about time; CogVideoX makes 8."""


def as_file(medium: Any, kind: Kind, folder: Path, name: str, *, rate: int = CLIP_RATE) -> Path:
    """Find or write the file of a medium, and return its path.

    What is no file yet is written into ``folder``; a path is used as it is. An image: PIL, or an array or tensor [h, w,
    3] or [3, h, w]. A video: a sequence of images, or an array or tensor [t, h, w, 3] or [t, 3, h, w]. Floats are in
    0..1, integers in 0..255.

    Raises:
        DataError: It is no medium; the message says what is wrong.
    """
    if isinstance(medium, str | Path):
        path = Path(medium)
        if not path.is_file():
            raise DataError(f"{name}: there is no file {path.name}.", code="missing")
        return path
    if kind == "image":
        path = folder / f"{name}.png"
        Image.fromarray(picture_of(medium, name)).save(path)
        return path
    from reward_engine.mpo.media import save_clip

    frames = [Image.fromarray(frame) for frame in clip_of(medium, name)]
    width, height = frames[0].size
    if width % 2 or height % 2:  # H.264 halves its color planes
        frames = [frame.crop((0, 0, width - width % 2, height - height % 2)) for frame in frames]
    path = folder / f"{name}.mp4"
    save_clip(frames, path, rate=rate)
    return path


def picture_of(medium: Any, name: str) -> NDArray[np.uint8]:
    """Read a picture as uint8 [h, w, 3].

    Raises:
        DataError: Shapes or values do not fit.
    """
    if isinstance(medium, Image.Image):
        return np.asarray(medium.convert("RGB"))
    return _colors_last(_array(medium, name), name, dimensions=3)


def clip_of(medium: Any, name: str) -> NDArray[np.uint8]:
    """Read a clip as uint8 [t, h, w, 3].

    Raises:
        DataError: Shapes or values do not fit.
    """
    if isinstance(medium, Sequence):
        if not medium:
            raise DataError(f"{name}: the clip has no frames.", code="media")
        pictures = [picture_of(frame, name) for frame in medium]
        if len({picture.shape for picture in pictures}) > 1:
            raise DataError(f"{name}: the frames of the clip differ in size.", code="media")
        return np.stack(pictures)
    return _colors_last(_array(medium, name), name, dimensions=4)


def _array(medium: Any, name: str) -> NDArray[np.uint8]:
    array = medium
    if hasattr(medium, "detach"):  # a tensor, of whatever device and precision
        array = medium.detach().float().cpu().numpy() if medium.is_floating_point() else medium.detach().cpu().numpy()
    if not isinstance(array, np.ndarray):
        raise DataError(
            f"{name}: a {type(medium).__name__} is neither an image, an array, a tensor nor a path.", code="media"
        )
    if array.dtype.kind == "f":
        if not np.isfinite(array).all() or array.min() < -1e-3 or array.max() > 1 + 1e-3:
            raise DataError(
                f"{name}: floating-point media must lie in 0..1; this one has {array.min():.3g} to {array.max():.3g}. "
                "A decoder's output in −1..1 is moved by (x / 2 + 0.5).",
                code="range",
            )
        return np.asarray(np.rint(np.clip(array, 0, 1) * 255), dtype=np.uint8)
    if array.dtype.kind not in "iu" or array.min() < 0 or array.max() > 255:
        raise DataError(f"{name}: integers must lie in 0..255.", code="range")
    return array.astype(np.uint8)


def _colors_last(array: NDArray[np.uint8], name: str, *, dimensions: int) -> NDArray[np.uint8]:
    if array.ndim == dimensions and array.shape[-1] == 3:
        return np.ascontiguousarray(array)
    if array.ndim == dimensions and array.shape[-3] == 3:
        return np.ascontiguousarray(np.moveaxis(array, -3, -1))
    form = "[h, w, 3] or [3, h, w]" if dimensions == 3 else "[t, h, w, 3] or [t, 3, h, w]"
    raise DataError(f"{name}: the shape must be {form}; it is {list(array.shape)}.", code="shape")
