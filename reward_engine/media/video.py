"""Decode straight to the frames that are wanted.

The packets tell when each frame is shown and which are keyframes, so the sampler chooses before
anything is decoded. Then the decoder jumps to the last keyframe before a wanted frame where that
saves decoding, and between wanted frames it leaves out those that no other frame refers to.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from reward_engine.errors import MediaError
from reward_engine.media.container import Timeline, decoder_of, nominal_rate, opened_video, packets_of, timeline_of
from reward_engine.media.frames import decodable_frames, pixel_aspect, upright_rgb
from reward_engine.media.sampling import EverySecond, Sampler

_SEEK_SAVES = 6  # frames; fewer are decoded through, since a jump empties the decoder's pipeline


@dataclass(frozen=True)
class Frames:
    """Sampled frames of one video.

    ``pixels``: uint8 RGB [t, height, width, 3], upright. ``times_ms``: float64 [t], milliseconds since
    the first frame. ``indices``: int64 [t], position among all frames (neighbors differ by 1).
    ``total``: how many frames the video has. ``duration_ms``: to the end of the last frame.
    """

    pixels: NDArray[np.uint8]
    times_ms: NDArray[np.float64]
    indices: NDArray[np.int64]
    total: int
    duration_ms: float


def sample_frames(
    path: str | Path,
    sampler: Sampler | None = None,
    *,
    max_side: int | None = None,
    threads: int = 1,
) -> Frames:
    """Decode the frames that ``sampler`` chooses (default: :class:`EverySecond`, the published sampling).

    ``max_side`` scales frames down (never up) while converting. Where a file is damaged, the sampler chooses among the
    frames that do decode.

    Args:
        threads: Decoder threads, 0 = all cores; one is best where several files are decoded at once.

    Raises:
        MediaError: Like :func:`probe_video`.
    """
    path = Path(path)
    sampler = sampler if sampler is not None else EverySecond()
    with opened_video(path, threads=threads) as (container, stream):
        timeline = timeline_of(container, stream)
    if timeline.complete:
        chosen = sampler.indices(timeline.times_ms)
        with opened_video(path, threads=threads) as (container, stream):
            found = _decode_wanted(container, stream, timeline, np.unique(chosen), max_side)
        if len(found) == len(np.unique(chosen)):
            duration = float((timeline.end - timeline.pts[0]) * timeline.time_base) * 1000.0
            return _frames(found, chosen, timeline.times_ms, duration)
    return _sample_what_decodes(path, sampler, max_side, threads)


def frame_times(path: str | Path) -> NDArray[np.float64]:
    """Read when each frame is shown, from the packets alone.

    Returns float64 [t] in milliseconds since the first; empty where the packets carry no usable times.

    Raises:
        MediaError: Like :func:`probe_video`.
    """
    with opened_video(Path(path)) as (container, stream):
        timeline = timeline_of(container, stream)
    return timeline.times_ms if timeline.complete else np.empty(0, dtype=np.float64)


def _frames(
    found: dict[int, NDArray[np.uint8]], chosen: NDArray[np.int64], times_ms: NDArray[np.float64], duration_ms: float
) -> Frames:
    # A stream may change its resolution half-way; the first chosen frame sets the size.
    height, width = found[int(chosen[0])].shape[:2]
    pixels = np.empty((len(chosen), height, width, 3), dtype=np.uint8)
    for row, index in enumerate(chosen):
        picture = found[int(index)]
        pixels[row] = picture if picture.shape[:2] == (height, width) else _resized(picture, width, height)
    return Frames(pixels, times_ms[chosen], chosen, len(times_ms), max(duration_ms, float(times_ms[-1])))


def _resized(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    frame = VideoFrame.from_ndarray(picture, format="rgb24")
    return np.asarray(frame.to_ndarray(format="rgb24", width=width, height=height), dtype=np.uint8)


def _runs(timeline: Timeline, wanted: NDArray[np.int64]) -> list[tuple[int | None, NDArray[np.int64]]]:
    """Split the wanted frames into runs, each with the keyframe to jump to first (None: decode on from here)."""
    keys = np.flatnonzero(timeline.keyframes)
    runs: list[tuple[int | None, list[int]]] = []
    position = 0
    for index in wanted.tolist():
        at = int(np.searchsorted(keys, index, side="right")) - 1
        key = int(keys[at]) if at >= 0 else 0
        if key - position >= _SEEK_SAVES:
            runs.append((key, [index]))
        elif runs:
            runs[-1][1].append(index)
        else:
            runs.append((None, [index]))
        position = index + 1
    return [(key, np.array(indices, dtype=np.int64)) for key, indices in runs]


def _decode_wanted(
    container: InputContainer, stream: VideoStream, timeline: Timeline, wanted: NDArray[np.int64], max_side: int | None
) -> dict[int, NDArray[np.uint8]]:
    """Decode the wanted indices; those that do not decode are missing from the result."""
    found: dict[int, NDArray[np.uint8]] = {}
    for key, indices in _runs(timeline, wanted):
        if key is not None:
            container.seek(int(timeline.dts[key]), stream=stream, backward=True)
        _decode_run(container, stream, timeline, indices, max_side, found)
        if any(int(index) not in found for index in indices):
            break  # an inexact jump or damage: the caller decodes the whole file instead
    return found


def _decode_run(
    container: InputContainer,
    stream: VideoStream,
    timeline: Timeline,
    indices: NDArray[np.int64],
    max_side: int | None,
    found: dict[int, NDArray[np.uint8]],
) -> None:
    index_of = {int(timeline.pts[i]): int(i) for i in indices}
    last = int(timeline.pts[indices[-1]])
    aspect = pixel_aspect(stream)
    context = stream.codec_context
    decode = decoder_of(stream)
    for packet in packets_of(container, stream):
        context.skip_frame = "DEFAULT" if packet.pts is None or packet.pts in index_of else "NONREF"
        try:
            frames = decode(packet)
        except (av.error.FFmpegError, ValueError):
            continue
        for frame in frames:
            if not isinstance(frame, VideoFrame) or frame.pts is None:
                continue
            index = index_of.get(frame.pts)
            if index is not None and not frame.is_corrupt:
                found[index] = upright_rgb(frame, max_side, aspect)
            if frame.pts >= last:
                return


def _sample_what_decodes(path: Path, sampler: Sampler, max_side: int | None, threads: int) -> Frames:
    """For damaged files and files without times: decode everything once to see what there is, then once more."""
    times: list[float] = []
    with opened_video(path, threads=threads) as (container, stream):
        step = 1000.0 / nominal_rate(stream)
        for frame in decodable_frames(container, stream):
            given = None if frame.pts is None or frame.time is None else frame.time * 1000.0
            follows = times[-1] + step if times else 0.0
            times.append(given if given is not None and (not times or given > times[-1]) else follows)
    if not times:
        raise MediaError(f"{path.name}: not one frame of the video can be decoded.", code="corrupt")
    times_ms = np.array(times, dtype=np.float64) - times[0]
    chosen = sampler.indices(times_ms)
    wanted = set(chosen.tolist())
    found: dict[int, NDArray[np.uint8]] = {}
    with opened_video(path, threads=threads) as (container, stream):
        aspect = pixel_aspect(stream)
        for index, frame in enumerate(decodable_frames(container, stream)):
            if index in wanted:
                found[index] = upright_rgb(frame, max_side, aspect)
            if len(found) == len(wanted):
                break
    return _frames(found, chosen, times_ms, float(times_ms[-1]) + step)
