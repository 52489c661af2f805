"""Decoded frames as upright, opaque sRGB arrays."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from reward_engine.errors import MediaError
from reward_engine.media import color
from reward_engine.media.container import decoder_of, packets_of

if TYPE_CHECKING:
    from typing_extensions import Buffer

_UNSPECIFIED = 2
# BT.709, unspecified, BT.470BG and SMPTE 170M: what players treat alike for video of 8 bits.
_PLAIN_MATRICES = (1, _UNSPECIFIED, 5, 6)
_PLAIN_PRIMARIES = (1, _UNSPECIFIED)
_PLAIN_CURVES = (1, _UNSPECIFIED, 6)
_FULL_RANGE = 2
# RGB, and the matrices of FCC, SMPTE 240M and BT.2020: the decoder's scaler takes any other one for BT.601.
_KNOWN_MATRICES = (*_PLAIN_MATRICES, 0, 4, 7, 9)
_WIDEST_PIXEL = 5.0
# The shares of red and blue in brightness.
_WEIGHTS: dict[int | str, tuple[float, float]] = {
    "ITU709": (0.2126, 0.0722),
    "ITU601": (0.299, 0.114),
    4: (0.30, 0.11),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}


def decodable_frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Decode every frame that can be, in order; damaged packets are passed over."""
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
    """Find the turn and the mirroring that show the frame upright.

    Returns quarter turns counter-clockwise, 0..3, and whether it is mirrored left-right after turning.
    """
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
    """Compute the size at which a frame is shown.

    Returns (width, height), turned upright, at most ``max_side`` on the longer side, never enlarged.
    """
    width, height = _square_size(frame, max_side, aspect)
    return (height, width) if orientation(frame)[0] % 2 else (width, height)


def _square_size(frame: VideoFrame, max_side: int | None, aspect: float | None) -> tuple[int, int]:
    width, height = float(frame.width), float(frame.height)
    if aspect is not None:
        width *= aspect
    if max_side is not None and max(width, height) > max_side:
        scale = max_side / max(width, height)
        width, height = width * scale, height * scale
    return max(1, round(width)), max(1, round(height))


def require_showable(frame: VideoFrame, aspect: float | None, name: str = "The video") -> None:
    """Refuse colors or pixels that would come out wrong.

    Codes: ``unknown_colors`` (such as ICtCp, CIE XYZ or a logarithmic curve; Dolby Vision without another reading)
    and ``pixel_aspect``.

    Raises:
        MediaError: They would come out wrong.
    """
    if _is_dolby_vision_alone(frame):
        raise MediaError(
            f"{name}: its colors are in Dolby Vision without a layer that other players read (profile 5); convert it "
            "to HDR10, HLG or SDR (BT.709).",
            code="unknown_colors",
        )
    matrix, primaries, curve = int(frame.colorspace), int(frame.color_primaries), int(frame.color_trc)
    if matrix not in _KNOWN_MATRICES or not color.is_known(primaries, curve):
        raise MediaError(
            f"{name}: its colors are coded in a way that is not known here (matrix {matrix}, primaries {primaries}, "
            f"curve {curve} of ITU-T H.273); convert it to BT.709, or to BT.2020 with PQ or HLG.",
            code="unknown_colors",
        )
    if aspect is not None and not 1 / _WIDEST_PIXEL <= aspect <= _WIDEST_PIXEL:
        raise MediaError(
            f"{name}: it says that its pixels are {aspect:.3g} times as wide as high, which is hardly meant; "
            "write it anew with square pixels.",
            code="pixel_aspect",
        )


def _is_dolby_vision_alone(frame: VideoFrame) -> bool:
    """Tell whether only the metadata of Dolby Vision says what the colors mean.

    So it is in profile 5. Other profiles state a curve that every player knows (PQ, HLG or BT.709), and are read by it.
    """
    metadata = frame.side_data.get("DOVI_METADATA")
    if metadata is None:
        return False
    if frame.color_trc == _UNSPECIFIED:
        return True
    content = bytes(cast("Buffer", metadata))
    at = int.from_bytes(content[:8], sys.byteorder)  # FFmpeg's AVDOVIMetadata: where its AVDOVIRpuDataHeader is
    profile, full_range = content[at + 4], content[at + 10]
    return profile == 0 and full_range == 1


def has_alpha(frame: VideoFrame) -> bool:
    """Whether the pixel format has a channel of transparency; a palette may have."""
    return frame.format.name.startswith(("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16", "pal8"))


def _over_white(pixels: NDArray[np.uint8], alpha: NDArray[Any]) -> NDArray[np.uint8]:
    share = alpha.astype(np.float32) / np.float32(np.iinfo(alpha.dtype).max)
    return np.asarray(np.rint(pixels * share + 255.0 * (1.0 - share)), dtype=np.uint8)


def upright_rgb(frame: VideoFrame, max_side: int | None = None, aspect: float | None = None) -> NDArray[np.uint8]:
    """Convert a frame to upright sRGB.

    Returns uint8 [height, width, 3] over white, turned as the display matrix says, scaled while converting. ``aspect``
    is the shape of one pixel (width / height); None or 1 means square. What is not plain is made so first, as a view
    makes it (:mod:`reward_engine.media.view`): a file and its view decode alike.
    """
    plain = frame if _is_plain(frame, aspect) else plain_frame(frame, aspect)
    return _rgb(plain, max_side, None, "rgb24")


def plain_frame(frame: VideoFrame, aspect: float | None) -> VideoFrame:
    """Convert a frame to the form that every player shows alike.

    That is 4:2:0 of 8 bits and limited range, upright, opaque, with square pixels and even sides.

    Raises:
        MediaError: Like :func:`require_showable`.
    """
    require_showable(frame, aspect)
    if (
        frame.format.name.startswith("yuv")
        and not has_alpha(frame)
        and frame.colorspace in _PLAIN_MATRICES
        and color.is_srgb(frame.color_primaries, frame.color_trc)
        and orientation(frame) == (0, False)
        and is_square(aspect)
        and frame.width % 2 == frame.height % 2 == 0
    ):  # only depth, sampling or range differ: no way round through RGB, which blurs the colors
        full = frame.format.name.startswith("yuvj") or frame.color_range == _FULL_RANGE
        return _stated(
            frame.reformat(
                format="yuv420p",
                src_colorspace=_matrix(frame),
                dst_colorspace=_usual_matrix(frame.height),
                src_color_range="JPEG" if full else "MPEG",
                dst_color_range="MPEG",
            )
        )
    turns, mirrored = orientation(frame)
    upright = np.rot90(_srgb(frame, aspect), turns)
    rgb = upright[:, ::-1] if mirrored else upright
    height, width = rgb.shape[:2]
    # H.264 in 4:2:0 has even sides: an odd one repeats its last row or column.
    even = np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    picture = VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
    return _stated(
        picture.reformat(format="yuv420p", dst_colorspace=_usual_matrix(picture.height), dst_color_range="MPEG")
    )


def has_plain_colors(frame: VideoFrame) -> bool:
    """Tell whether players show these colors alike.

    They do so for SDR in limited range with the matrices and primaries of television.
    """
    return (
        frame.colorspace in _PLAIN_MATRICES
        and frame.color_primaries in _PLAIN_PRIMARIES
        and frame.color_trc in _PLAIN_CURVES
        and frame.color_range != _FULL_RANGE
    )


def is_square(aspect: float | None) -> bool:
    """Whether pixels of this aspect are square; None: nobody says otherwise."""
    return aspect is None or abs(aspect - 1) <= 0.001


def _is_plain(frame: VideoFrame, aspect: float | None) -> bool:
    return (
        frame.format.name == "yuv420p"
        and has_plain_colors(frame)
        and orientation(frame) == (0, False)
        and is_square(aspect)
    )


def _stated(frame: VideoFrame) -> VideoFrame:
    frame.colorspace = 1 if frame.height >= 720 else 6
    frame.color_range = 1  # limited
    return frame


def _matrix(frame: VideoFrame) -> str:
    # Files rarely state their matrix; HD material is BT.709 and everything smaller BT.601 by convention.
    if frame.colorspace == _UNSPECIFIED:
        return _usual_matrix(frame.height)
    return "ITU709" if frame.colorspace == 1 else "ITU601"


def _usual_matrix(height: int) -> str:
    return "ITU709" if height >= 720 else "ITU601"


def _rgb(frame: VideoFrame, max_side: int | None, aspect: float | None, pixel_format: str) -> NDArray[Any]:
    width, height = _square_size(frame, max_side, aspect)
    smaller = width < frame.width or height < frame.height
    return frame.to_ndarray(
        format=pixel_format,
        width=width,
        height=height,
        src_colorspace=_matrix(frame) if frame.colorspace in _PLAIN_MATRICES and "yuv" in frame.format.name else None,
        interpolation="AREA" if smaller else "BICUBIC",
    )


def _srgb(frame: VideoFrame, aspect: float | None) -> NDArray[np.uint8]:
    """The frame as stored, in sRGB over white."""
    plain = color.is_srgb(frame.color_primaries, frame.color_trc)
    clear = has_alpha(frame)
    if not plain and frame.format.name.startswith("yuv"):
        pixels, alpha = _deep_rgb(frame, aspect, clear)
    else:
        pixel_format = ("rgba" if clear else "rgb24") if plain else ("rgba64le" if clear else "rgb48le")
        both = _rgb(frame, None, aspect, pixel_format)
        pixels, alpha = both[..., :3], both[..., 3:] if clear else None
    if not plain:
        pixels = color.from_codes(pixels, frame.color_primaries, frame.color_trc)
    return pixels if alpha is None else _over_white(pixels, alpha)


def _deep_rgb(frame: VideoFrame, aspect: float | None, clear: bool) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """RGB of 16 bits as coded, and alpha. The curves of HDR leave nothing of 8 bits in the shadows, and the decoder's
    scaler rounds down on its way to RGB of 16: two levels in 255 that one sees as soon as a curve is undone."""
    width, height = _square_size(frame, None, aspect)
    full = frame.format.name.startswith("yuvj") or frame.color_range == _FULL_RANGE
    matrix = _matrix(frame) if frame.colorspace in _PLAIN_MATRICES else frame.colorspace
    deep = frame.reformat(
        width=width, height=height, format="yuva444p16le" if clear else "yuv444p16le", interpolation="BICUBIC",
        src_colorspace=matrix, dst_colorspace=matrix,
        src_color_range="JPEG" if full else "MPEG", dst_color_range="JPEG" if full else "MPEG",
    )  # fmt: skip
    planes = [
        np.frombuffer(memoryview(cast("Buffer", plane)), dtype="<u2")
        .reshape(plane.height, -1)[:, : plane.width]
        .astype(np.float32)
        for plane in deep.planes
    ]
    luma = planes[0] / 65535 if full else (planes[0] - 4096) / (219 * 256)
    blue, red = ((plane - 32768) / (65535 if full else 224 * 256) for plane in planes[1:3])
    kr, kb = _WEIGHTS.get(matrix, _WEIGHTS["ITU601"])
    r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
    rgb = np.stack([r, (luma - kr * r - kb * b) / (1 - kr - kb), b], axis=-1)
    pixels = np.rint(np.clip(rgb, 0, 1) * 65535).astype(np.uint16)
    return pixels, planes[3].astype(np.uint16)[..., None] if clear else None
