"""What a video is, and whether it can be decoded at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reward_engine.errors import MediaError
from reward_engine.media.container import nominal_rate, opened_video, timeline_of
from reward_engine.media.frames import decodable_frames, displayed_size, orientation, pixel_aspect, require_showable


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """A probed video.

    ``width`` and ``height`` are as displayed, in pixels, after rotation and with square pixels;
    ``duration_ms`` runs from the first frame to the end of the last one that is in the file;
    ``frame_rate`` is the mean number of frames a second; ``rotation`` is the display rotation in
    degrees counter-clockwise (0, 90, 180 or 270).
    """

    width: int
    height: int
    duration_ms: int
    frame_rate: float
    frame_count: int
    codec: str
    rotation: int


def probe_video(path: str | Path) -> VideoInfo:
    """Read a video's packets, decode its first frame, and describe it.

    Raises:
        MediaError: With code ``missing``, ``not_a_video``, ``no_video``, ``no_decoder``, ``too_large``, ``truncated``,
            ``corrupt`` (no frame decodes), ``unknown_colors`` or ``pixel_aspect``.
    """
    path = Path(path)
    with opened_video(path) as (container, stream):
        timeline = timeline_of(container, stream)
        codec = stream.codec_context.codec.canonical_name
        rate = nominal_rate(stream)
    with opened_video(path) as (container, stream):
        first = next(decodable_frames(container, stream), None)
        if first is None:
            raise MediaError(f"{path.name}: not one frame of the video can be decoded.", code="corrupt")
        aspect = pixel_aspect(stream)
        require_showable(first, aspect, path.name)
        width, height = displayed_size(first, None, aspect)
        rotation = 90 * orientation(first)[0]
    count = len(timeline.pts) if timeline.complete else max(1, timeline.packets)
    if timeline.complete and timeline.end > timeline.pts[0]:
        seconds = float((timeline.end - timeline.pts[0]) * timeline.time_base)
        rate = count / seconds if count > 1 else rate
    else:
        seconds = count / rate
    return VideoInfo(width, height, round(seconds * 1000.0), rate, count, codec, rotation)
