"""The views of an image that the statistics share, computed once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WORKING_SIDE = 384
"""Longer side in pixels of the view that tone and sharpness are measured on."""


@dataclass(frozen=True)
class Picture:
    """A picture in the sizes that statistics need.

    ``rgb`` float32 [3, h, w] and ``luma`` float32 [h, w], both in [0, 1], longer side at most 384; ``native`` float32
    [h', w']: luma of the central crop in the file's own pixels, at most 512 square; ``small`` float32 [64, 64]: luma of
    the whole picture squeezed into a square; ``width``, ``height``: of the file, in pixels.
    """

    rgb: NDArray[np.float32]
    luma: NDArray[np.float32]
    native: NDArray[np.float32]
    small: NDArray[np.float32]
    width: int
    height: int

    @classmethod
    def of(cls, pixels: NDArray[np.uint8], size: tuple[int, int] | None = None) -> Picture:
        """Make it from uint8 RGB [h, w, 3] of any size.

        Args:
            size: The file's (width, height) where the pixels were reduced.
        """
        height, width = pixels.shape[:2]
        image = Image.fromarray(pixels)
        view = image
        if max(width, height) > WORKING_SIDE:
            scale = WORKING_SIDE / max(width, height)
            size = (max(8, round(width * scale)), max(8, round(height * scale)))
            view = image.resize(size, Image.Resampling.BOX)
        elif min(width, height) < 8:
            view = image.resize((max(8, width), max(8, height)), Image.Resampling.NEAREST)
        # Planes, not pixels: every statistic below walks one color at a time.
        rgb = np.ascontiguousarray(np.asarray(view).transpose(2, 0, 1), dtype=np.float32) / np.float32(255.0)
        top, left = max(0, (height - 512) // 2), max(0, (width - 512) // 2)
        center = pixels[top : top + 512, left : left + 512].transpose(2, 0, 1).astype(np.float32)
        native = _luma(center / np.float32(255.0))
        luma = _luma(rgb)
        small = np.asarray(Image.fromarray(luma).resize((64, 64), Image.Resampling.BOX), dtype=np.float32)
        return cls(
            rgb=rgb,
            luma=luma,
            native=native,
            small=small,
            width=(size or (width, height))[0],
            height=(size or (width, height))[1],
        )


def _luma(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """ITU-R BT.601 luma of float32 planes [3, h, w]."""
    red, green, blue = rgb
    return np.asarray(red * np.float32(0.299) + green * np.float32(0.587) + blue * np.float32(0.114), dtype=np.float32)
