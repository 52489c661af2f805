"""What is measured from one file, in a thread or a process: plain statistics, motion, and the network's input."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reward_engine.features.motion import MOTION_NAMES, motion_statistics
from reward_engine.features.network import network_input
from reward_engine.features.statistics import image_statistics, statistic_names
from reward_engine.media import Bursts, Together, Uniform, decode_image, probe_video, sample_frames

VIDEO_SIDE = 256  # longer side in pixels of the frames everything is measured on
VIDEO_FRAMES = Uniform(8)  # seen by the network and the statistics
VIDEO_BURSTS = Bursts(bursts=4, frames=12)  # seen by the motion statistics
SUMMARIES = ("mean", "min", "max", "std")


@dataclass(frozen=True)
class MediaFeatures:
    """What is measured of one medium.

    ``statistics`` and ``motion`` float32 (motion is empty for an image); ``pictures`` uint8 [k, 224, 224, 3].
    """

    statistics: NDArray[np.float32]
    motion: NDArray[np.float32]
    pictures: NDArray[np.uint8]


def statistics_columns(media_type: Literal["image", "video"]) -> tuple[str, ...]:
    """The names of :attr:`MediaFeatures.statistics`."""
    if media_type == "image":
        return statistic_names()
    return tuple(f"{name}_{summary}" for summary in SUMMARIES for name in statistic_names())


def motion_columns(media_type: Literal["image", "video"]) -> tuple[str, ...]:
    """The names of :attr:`MediaFeatures.motion`."""
    return () if media_type == "image" else MOTION_NAMES


def extract_media(path: Path, media_type: Literal["image", "video"]) -> MediaFeatures:
    """Decode a file and measure it.

    Raises:
        MediaError: The file cannot be decoded.
    """
    return _image(path) if media_type == "image" else _video(path)


def _image(path: Path) -> MediaFeatures:
    pixels = decode_image(path)
    return MediaFeatures(_row(image_statistics(pixels)), np.zeros(0, dtype=np.float32), network_input(pixels)[None])


def _video(path: Path) -> MediaFeatures:
    info = probe_video(path)
    frames = sample_frames(path, Together((VIDEO_FRAMES, VIDEO_BURSTS)), max_side=VIDEO_SIDE)
    # The sampled frames hold those of VIDEO_FRAMES, so asking again among them finds them.
    chosen = frames.pixels[VIDEO_FRAMES.indices(frames.times_ms)]
    table = np.stack([_row(image_statistics(picture, (info.width, info.height))) for picture in chosen])
    summaries = [table.mean(axis=0), table.min(axis=0), table.max(axis=0), table.std(axis=0)]
    motion = motion_statistics(frames)
    return MediaFeatures(
        statistics=np.concatenate(summaries),
        motion=np.array([motion[name] for name in MOTION_NAMES], dtype=np.float32),
        pictures=np.stack([network_input(picture) for picture in chosen]),
    )


def _row(values: dict[str, float]) -> NDArray[np.float32]:
    return np.fromiter(values.values(), dtype=np.float32, count=len(values))
