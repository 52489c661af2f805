"""Clips made on the spot with PyAV: small, exact, and broken where a test wants them broken."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

TIME_BASE = Fraction(1, 12_000)


def shade(level: int, *, size: tuple[int, int] = (96, 64)) -> NDArray[np.uint8]:
    """A flat gray picture; ``size`` is (width, height)."""
    return np.full((size[1], size[0], 3), level, dtype=np.uint8)


def staircase(count: int, *, size: tuple[int, int] = (96, 64)) -> list[NDArray[np.uint8]]:
    """Frame i is a flat gray of level 8 + 4·i, so that a decoded frame tells its number (up to 60)."""
    return [shade(8 + 4 * index, size=size) for index in range(count)]


def number_of(frame: NDArray[np.uint8]) -> int:
    """Which frame of :func:`staircase` this is."""
    return round((float(frame.mean()) - 8) / 4)


def write_clip(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    *,
    rate: float = 12,
    times: Sequence[float] | None = None,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
) -> Path:
    """Encode frames (uint8 RGB) at a constant ``rate``, or at ``times`` in seconds."""
    with av.open(str(path), "w") as container:
        stream: VideoStream | None = None
        for index, pixels in enumerate(frames):
            if stream is None:
                stream = cast(VideoStream, container.add_stream(codec, rate=Fraction(rate).limit_denominator(1000)))
                stream.height, stream.width = pixels.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.options = dict(options if options is not None else {"crf": "12", "preset": "veryfast"})
                stream.codec_context.time_base = TIME_BASE
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.time_base = TIME_BASE
            frame.pts = round((times[index] if times is not None else index / rate) / TIME_BASE)
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode(None))
    return path


def write_sound(path: Path) -> Path:
    """A second of a tone, with no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44_100)
        samples = np.sin(np.arange(44_100, dtype=np.float32) / 16)[None, :]
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout="mono")
        frame.sample_rate = 44_100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
