"""Decoded frames as upright, opaque sRGB arrays."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from reward_engine.media import colour
from reward_engine.media.container import decoder_of, packets_of

if TYPE_CHECKING:
    from typing_extensions import Buffer

_UNSPECIFIED_COLORSPACE = 2  # AVCOL_SPC_UNSPECIFIED


def decodable_frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Every frame that decodes, in order of presentation; damaged packets are passed over."""
    decode = decoder_of(stream)
    for packet in packets_of(container, stream):
        try:
            frames = decode(packet)
        except (av.error.FFmpegError, ValueError):
            continue
        for frame in frames:
            if isinstance(frame, VideoFrame) and not frame.is_corrupt:
                yield frame


def orientation(frame: VideoFrame) -> tuple[int, bool]:
    """(quarter turns counter-clockwise 0..3, mirrored left-right after turning) that show the frame upright."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return round(frame.rotation / 90.0) % 4, False
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(cast("Buffer", matrix))[:36])
    mirrored = a * d - b * c < 0
    if mirrored:
        a, c = -a, -c  # take the mirror out, what is left is a rotation
    angle = np.degrees(np.arctan2(-b, a))  # the matrix maps (x, y) with y downwards
    return round(float(angle) / 90.0) % 4, mirrored


def pixel_aspect(stream: VideoStream) -> float | None:
    """Width / height of one pixel as the container states it (anamorphic video), or None."""
    ratio = stream.sample_aspect_ratio
    return float(ratio) if ratio else None


def displayed_size(frame: VideoFrame, max_side: int | None, aspect: float | None = None) -> tuple[int, int]:
    """(width, height) as shown: turned upright, at most ``max_side`` on the longer side, never enlarged."""
    width, height = _square_size(frame, max_side, aspect)
    return (height, width) if orientation(frame)[0] % 2 else (width, height)


def _square_size(frame: VideoFrame, max_side: int | None, aspect: float | None) -> tuple[int, int]:
    width, height = float(frame.width), float(frame.height)
    if aspect is not None and 0.2 < aspect < 5.0:
        width *= aspect
    if max_side is not None and max(width, height) > max_side:
        scale = max_side / max(width, height)
        width, height = width * scale, height * scale
    return max(1, round(width)), max(1, round(height))


def has_alpha(frame: VideoFrame) -> bool:
    """Whether the pixel format has a channel of transparency."""
    return name_has_alpha(frame.format.name)


def name_has_alpha(pixel_format: str) -> bool:
    """Whether a pixel format of this name has a channel of transparency; a palette may have."""
    return pixel_format.startswith(("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16", "pal8"))


def _over_white(pixels: NDArray[np.uint8], alpha: NDArray[Any]) -> NDArray[np.uint8]:
    share = alpha.astype(np.float32) / np.float32(np.iinfo(alpha.dtype).max)
    return np.asarray(np.rint(pixels * share + 255.0 * (1.0 - share)), dtype=np.uint8)


def upright_rgb(frame: VideoFrame, max_side: int | None = None, aspect: float | None = None) -> NDArray[np.uint8]:
    """uint8 sRGB [height, width, 3] over white, turned as the display matrix says, scaled while converting.

    ``aspect`` is the shape of one pixel (width / height); None or 1 means square.
    """
    width, height = _square_size(frame, max_side, aspect)
    smaller = width < frame.width or height < frame.height
    # Files rarely state their matrix; HD material is BT.709 and everything smaller BT.601 by convention.
    hd = frame.colorspace == _UNSPECIFIED_COLORSPACE and frame.height >= 720
    plain = colour.is_srgb(frame.color_primaries, frame.color_trc)
    clear = has_alpha(frame)
    pixels = frame.to_ndarray(
        format=("rgba" if clear else "rgb24") if plain else ("rgba64le" if clear else "rgb48le"),
        width=width,
        height=height,
        src_colorspace="ITU709" if hd else None,
        interpolation="AREA" if smaller else "BICUBIC",
    )
    alpha = pixels[..., 3:] if clear else None
    if not plain:  # in 16 bits: the curves of HDR leave nothing of 8 bits in the shadows
        pixels = colour.from_codes(pixels[..., :3], frame.color_primaries, frame.color_trc)
    if alpha is not None:
        pixels = _over_white(pixels[..., :3], alpha)
    turns, mirrored = orientation(frame)
    upright = np.rot90(pixels, turns)
    return np.ascontiguousarray(upright[:, ::-1] if mirrored else upright, dtype=np.uint8)
