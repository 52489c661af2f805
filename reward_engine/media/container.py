"""Open a video safely and list when its frames are shown, without decoding any."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec.context import CodecContext
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from reward_engine.errors import MediaError

MAX_FRAME_PIXELS = 36_000_000
"""Largest video frame that is decoded (8K has 33 million pixels)."""

# Real containers only. Playlists (HLS, DASH, concat) are left out because they make the demuxer open
# other files and addresses that the uploader names; picture "containers" because they are not video.
_FORMATS = "mov,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,ogg,flv,asf,ivf,nut,wav,mp3,aac,flac"
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}


@dataclass(frozen=True)
class Timeline:
    """When the frames of a video are shown, from its packets alone.

    ``pts`` int64 [t]: presentation times in ``time_base`` units, ascending, of the packets that are
    really in the file (a broken tail ends it early). ``keyframes`` bool [t] and ``dts`` int64 [t]
    (decoding time, for seeking) go with them. ``complete`` is false where packets carry no usable
    times (old AVI files); then only ``packets`` counts.
    ``end``: the presentation time at which the last frame ends.
    """

    pts: NDArray[np.int64]
    dts: NDArray[np.int64]
    keyframes: NDArray[np.bool_]
    end: int
    time_base: Fraction
    packets: int
    complete: bool

    @property
    def times_ms(self) -> NDArray[np.float64]:
        """float64 [t]: milliseconds since the first frame."""
        since_first: NDArray[np.float64] = (self.pts - self.pts[0]).astype(np.float64)
        return since_first * (1000.0 * float(self.time_base))


def decoder_of(stream: VideoStream) -> Callable[[Packet[VideoStream]], list[Any]]:
    """Find what decodes this stream's packets; raises FFmpegError or ValueError for a damaged one.

    The transparency of VP8 and VP9 lies beside the picture, and only libvpx's own decoders read it.
    """
    name = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(stream.codec_context.name.removeprefix("lib"))
    if name is None or stream.metadata.get("alpha_mode") != "1":
        return lambda packet: packet.decode()
    context: Any = CodecContext.create(name, "r")
    return lambda packet: context.decode(packet if packet.size else None)


@contextmanager
def opened_video(path: Path, *, threads: int = 1) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video file and its (best) video stream.

    Every failure becomes a :class:`MediaError`.

    Codes: ``missing``, ``not_a_video``, ``no_video`` (sound only), ``too_large``, ``truncated``, ``corrupt``.
    """
    try:
        container = av.open(str(path), mode="r", options=_OPTIONS)
    except FileNotFoundError as error:
        raise MediaError(f"{path.name}: there is no such file.", code="missing") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    with container:
        stream = _video_stream(path, container)
        context = stream.codec_context
        if context is None:
            raise MediaError(
                f"{path.name}: no decoder for its video stream; convert it to H.264, VP9 or AV1.", code="no_decoder"
            )
        if stream.width * stream.height > MAX_FRAME_PIXELS:
            raise MediaError(
                f"{path.name}: frames of {stream.width} × {stream.height} pixels are over the limit "
                f"of {MAX_FRAME_PIXELS:,}; scale the video down first.",
                code="too_large",
            )
        context.thread_count = threads
        if threads != 1:
            stream.thread_type = "AUTO"
        try:
            yield container, stream
        except (av.error.FFmpegError, OSError) as error:
            raise _unreadable(path, error) from error


def _video_stream(path: Path, container: InputContainer) -> VideoStream:
    streams = [s for s in container.streams.video if not s.disposition & s.disposition.__class__.attached_pic]
    if not streams:
        if container.streams.audio:
            raise MediaError(
                f"{path.name}: the file has sound but no moving picture; a video is needed.", code="no_video"
            )
        raise MediaError(f"{path.name}: the file has no video stream.", code="no_video")
    return streams[0]


def _unreadable(path: Path, error: Exception) -> MediaError:
    with path.open("rb") as file:
        head = file.read(16)
    if not head:
        return MediaError(f"{path.name}: the file is empty.", code="truncated")
    if head.startswith((b"GIF87a", b"GIF89a")):
        return MediaError(
            f"{path.name}: this is a GIF image, not a video; convert it to MP4 to judge it as a video.", code="animated"
        )
    if head[4:8] == b"ftyp":
        return MediaError(
            f"{path.name}: the video is cut off before its index (moov) or damaged; upload the complete file.",
            code="truncated",
        )
    detail = getattr(error, "strerror", None) or str(error)
    return MediaError(f"{path.name}: this cannot be read as a video ({detail}).", code="not_a_video")


def packets_of(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    """Read the packets of a stream, up to where the file ends or breaks."""
    iterator = container.demux(stream)
    while True:
        try:
            packet = next(iterator)
        except StopIteration:
            return
        except (av.error.FFmpegError, OSError):
            return  # a broken tail: what came before still plays
        yield packet


def timeline_of(container: InputContainer, stream: VideoStream) -> Timeline:
    """Read through the packets (no decoding) and list the presentation times."""
    rows: list[tuple[int, int, bool, int]] = []
    packets = 0
    complete = True
    for packet in packets_of(container, stream):
        if packet.size == 0 or packet.is_discard:
            continue
        packets += 1
        if packet.pts is None:
            complete = False
            continue
        dts = packet.dts if packet.dts is not None else packet.pts
        rows.append((packet.pts, dts, packet.is_keyframe, packet.duration or 0))
    rows.sort()
    pts = np.array([row[0] for row in rows], dtype=np.int64)
    complete = complete and len(rows) > 0 and bool(np.all(np.diff(pts) > 0))
    end = 0
    if rows:
        step = int(np.median(np.diff(pts))) if len(pts) > 1 else 0
        end = rows[-1][0] + (rows[-1][3] or step)
    return Timeline(
        pts=pts,
        dts=np.array([row[1] for row in rows], dtype=np.int64),
        keyframes=np.array([row[2] for row in rows], dtype=np.bool_),
        end=end,
        time_base=stream.time_base or Fraction(1, 1000),
        packets=packets,
        complete=complete,
    )


def nominal_rate(stream: VideoStream) -> float:
    """Read the frame rate that a stream states.

    The header says it or the demuxer guesses; 25 where neither does.
    """
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate:
            return float(rate)
    return 25.0
