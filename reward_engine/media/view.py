"""The view: the one rendition of a file that people, thumbnails and judges see.

A file is its own view where every viewer shows it alike: an upright, opaque sRGB image of 8 bits; H.264 or VP9 video
in 4:2:0 of 8 bits, upright, with square pixels and a first frame at time 0. Of every other file a view is written:
an image as PNG, a video as MP4 (H.264). Where only a video's container stands in the way, its frames are copied as
they are; otherwise they are coded anew from what the judge decodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.video.frame import PictureType, VideoFrame
from PIL import Image

from reward_engine.errors import MediaError
from reward_engine.media.container import nominal_rate, opened_video, packets_of, timeline_of
from reward_engine.media.frames import (
    decodable_frames,
    has_alpha,
    has_plain_colors,
    is_square,
    orientation,
    pixel_aspect,
    plain_frame,
    require_showable,
)
from reward_engine.media.images import MAX_IMAGE_PIXELS, decode_image

_H264_PROFILES = ("Baseline", "Constrained Baseline", "Main", "High", "Constrained High", "Progressive High")
_QUALITY = {"crf": "10", "preset": "veryfast", "profile": "high", "bf": "0", "g": "48"}
_MP4 = {"movflags": "faststart", "video_track_timescale": "90000"}
_TIME_BASE = Fraction(1, 90_000)


@dataclass(frozen=True, slots=True)
class VideoNeeds:
    """What a view of a video must mend.

    That is nothing, its container (frames are copied), or its frames (coded anew).
    """

    container: str = ""
    frames: str = ""

    @property
    def plain(self) -> bool:
        return not self.container and not self.frames


def write_image_view(path: Path, target: Path, *, max_pixels: int = MAX_IMAGE_PIXELS) -> None:
    """Write ``target`` (.png): the image as :func:`decode_image` decodes it."""
    Image.fromarray(decode_image(path, max_pixels=max_pixels)).save(target, "PNG", compress_level=6)


def video_needs(path: Path) -> VideoNeeds:
    """Say in words why a video cannot be shown as it is.

    Raises:
        MediaError: Like :func:`probe_video`.
    """
    with opened_video(path) as (container, stream):
        context = stream.codec_context
        codec, profile, pixel_format = context.codec.canonical_name, str(context.profile or ""), str(context.pix_fmt)
        formats = container.format.name.split(",")
        alpha = stream.metadata.get("alpha_mode") == "1"
        aspect = pixel_aspect(stream)
        timeline = timeline_of(container, stream)
    with opened_video(path) as (container, stream):
        hidden = any(packet.is_discard for packet in packets_of(container, stream) if packet.size)
    with opened_video(path) as (container, stream):
        first = next(decodable_frames(container, stream), None)
        if first is None:
            raise MediaError(f"{path.name}: not one frame of the video can be decoded.", code="corrupt")
        coded_aspect = float(stream.codec_context.sample_aspect_ratio or 1)  # some players go by this one
    require_showable(first, aspect, path.name)
    square = is_square(aspect) and is_square(coded_aspect)
    frames = _frames_reason(codec, profile, pixel_format, alpha, square, first)
    if not timeline.complete or hidden or not (len(timeline.keyframes) and timeline.keyframes[0]):
        frames = frames or "its frames carry no usable times"
    return VideoNeeds(_container_reason(path, codec, formats, float(timeline.pts[0] * timeline.time_base)
                                        if len(timeline.pts) else 0.0), frames)  # fmt: skip


def _frames_reason(codec: str, profile: str, pixel_format: str, alpha: bool, square: bool, first: VideoFrame) -> str:
    if codec not in ("h264", "vp9"):
        return f"it is coded as {codec}"
    if codec == "h264" and profile not in _H264_PROFILES:
        return f"its H.264 profile is {profile}"
    if pixel_format != "yuv420p":
        return f"its pixels are {pixel_format}"
    if alpha or has_alpha(first):
        return "it is transparent"
    if orientation(first) != (0, False):
        return "it is turned"
    if not square:
        return "its pixels are not square"
    if not has_plain_colors(first):
        return "its colors are coded in another way"
    return ""


def _container_reason(path: Path, codec: str, formats: list[str], start: float) -> str:
    with path.open("rb") as file:
        head = file.read(4096)
    webm = "webm" in formats and b"webm" in head[:64] and codec != "h264"
    mp4 = "mp4" in formats and head[4:8] == b"ftyp" and head[8:12] != b"qt  "
    if not webm and not mp4:
        return "browsers do not play its container"
    if abs(start) > 0.0005:
        return f"its first frame is at {start:.3f} s"
    if mp4 and _is_fragmented(path):
        return "it is fragmented"
    return ""


def _is_fragmented(path: Path) -> bool:
    at, size = 0, path.stat().st_size
    with path.open("rb") as file:
        while at + 8 <= size:
            file.seek(at)
            header = file.read(16)
            length = int.from_bytes(header[:4], "big")
            if header[4:8] == b"moof":
                return True
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            if length < 8:
                return False
            at += length
    return False


def write_video_view(path: Path, target: Path, needs: VideoNeeds | None = None) -> None:
    """Write a view of a video, without sound.

    ``target`` (.mp4) has every frame at its time since the first.

    Raises:
        MediaError: Like :func:`probe_video`.
    """
    needs = needs if needs is not None else video_needs(path)
    if needs.frames:
        _coded_anew(path, target)
    else:
        _copied(path, target)


def _copied(path: Path, target: Path) -> None:
    with opened_video(path) as (source, stream):
        first = int(timeline_of(source, stream).pts[0])
    with opened_video(path) as (source, stream), av.open(str(target), "w", format="mp4", options=_MP4) as made:
        out = made.add_stream_from_template(stream)
        out.time_base = stream.time_base
        out.metadata.clear()
        for packet in packets_of(source, stream):
            if packet.size == 0 or packet.pts is None:
                continue
            packet.pts -= first
            if packet.dts is not None:
                packet.dts -= first
            packet.stream = out
            made.mux(packet)


def _coded_anew(path: Path, target: Path) -> None:
    with opened_video(path) as (source, stream):
        timeline = timeline_of(source, stream)
        tail = round((timeline.end - timeline.pts[-1]) * timeline.time_base / _TIME_BASE) if timeline.complete else 0
    with (
        opened_video(path, threads=0) as (source, stream),
        av.open(str(target), "w", format="mp4", options=_MP4) as made,
    ):
        aspect = pixel_aspect(stream)
        step = round(1.0 / nominal_rate(stream) / float(_TIME_BASE))
        first: float | None = None
        last = -1
        out: Any = None
        for frame in decodable_frames(source, stream):
            picture = plain_frame(frame, aspect)
            if out is None:
                out = _added(made, picture)
            elif (picture.width, picture.height) != (out.width, out.height):  # some streams change half-way
                picture = picture.reformat(width=out.width, height=out.height)
            given = float(frame.pts * (stream.time_base or 0)) if frame.pts is not None else None
            first = given if first is None else first
            at = round((given - first) / float(_TIME_BASE)) if given is not None and first is not None else -1
            if at <= last:  # no time, or one that goes back
                at = last + step if last >= 0 else 0
            last = at
            picture.pts, picture.time_base, picture.pict_type = at, _TIME_BASE, PictureType.NONE
            _mux(made, out.encode(picture), tail or step)
        if out is None:
            raise MediaError(f"{path.name}: not one frame of the video can be decoded.", code="corrupt")
        _mux(made, out.encode(None), tail or step)


def _mux(made: Any, packets: list[Any], tail: int) -> None:
    for packet in packets:
        packet.duration = tail  # what the last frame keeps; of the others the next one's time decides
        packet.time_base = _TIME_BASE
        made.mux(packet)


def _added(made: Any, picture: VideoFrame) -> Any:
    width, height = picture.width, picture.height
    out = made.add_stream("libx264", rate=None, options=_QUALITY)
    out.width, out.height, out.pix_fmt = width, height, "yuv420p"
    out.time_base = out.codec_context.time_base = _TIME_BASE
    context = out.codec_context
    # Stated, and chosen so that players that guess by the height guess right.
    context.colorspace = 1 if height >= 720 else 6
    context.color_primaries = context.color_trc = 1
    context.color_range = 1  # 16 to 235
    return out
