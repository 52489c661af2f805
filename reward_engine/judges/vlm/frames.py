"""Video frames → what the towers take, without torchvision.

The library's video processors need torchvision, which is not there on every machine and whose resizing differs
by version. These three do the same arithmetic with Pillow and NumPy, so that a clip gives the same numbers everywhere.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from reward_engine.errors import JudgeError

_library: Any = importlib.import_module("transformers.video_processing_utils")
_video_utils: Any = importlib.import_module("transformers.video_utils")
_features: Any = importlib.import_module("transformers.feature_extraction_utils")

Floats = NDArray[np.float32]


class FrameProcessor(_library.VideoProcessorMixin):  # type: ignore[misc]
    """Stands in for the video processor of a known family.

    ``settings`` are those of the checkpoint's file.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__()
        kind = str(settings.get("video_processor_type") or "")
        if kind not in _KINDS:
            raise JudgeError(f"Videos of the kind “{kind}” are not supported.", code="video_processor")
        self.kind = kind
        self.settings = {**_DEFAULTS[kind], **{key: value for key, value in settings.items() if value is not None}}
        if "min_pixels" in settings and "max_pixels" in settings:  # older checkpoints name the limits so
            self.settings["size"] = {"shortest_edge": settings["min_pixels"], "longest_edge": settings["max_pixels"]}
        if "video_sampling" in settings:  # SmolVLM keeps its settings for clips within those for images
            self.settings["size"] = settings["video_sampling"]["video_size"]
        self.merge_size = self.settings.get("merge_size")
        self.temporal_patch_size = self.settings.get("temporal_patch_size")
        self.num_frames, self.fps = self.settings.get("num_frames"), self.settings.get("fps")

    def __call__(self, videos: Any, video_metadata: Any = None, **_: Any) -> Any:
        """One or more clips uint8 [t, h, w, 3], all frames used as they are, with their metadata."""
        clips = _video_utils.make_batched_videos(videos)
        found = _KINDS[self.kind]([np.asarray(clip) for clip in clips], self.settings)
        found["video_metadata"] = _video_utils.make_batched_metadata(clips, video_metadata=video_metadata)
        return _features.BatchFeature(found)


def _qwen(clips: Sequence[NDArray[np.uint8]], settings: Mapping[str, Any], *, whole: bool) -> dict[str, Any]:
    """Patches of two frames each, in the order of the merged cells; see :func:`patches`."""
    cells, grids = [], []
    for clip in clips:
        frames = even(clip, settings["temporal_patch_size"])
        size, factor = settings["size"], settings["patch_size"] * settings["merge_size"]
        count, height, width = (len(frames) if whole else 1), frames.shape[1], frames.shape[2]
        rows, columns = fit(count, height, width, factor, size["shortest_edge"], size["longest_edge"])
        pixels = normalized(frames, rows, columns, Image.Resampling.BICUBIC, settings)
        found, grid = patches(pixels, settings["patch_size"], settings["merge_size"], settings["temporal_patch_size"])
        cells.append(found)
        grids.append(grid)
    return {
        "pixel_values_videos": torch.from_numpy(np.concatenate(cells)),
        "video_grid_thw": torch.tensor(grids, dtype=torch.long),
    }


def _smolvlm(clips: Sequence[NDArray[np.uint8]], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Every frame a square of the tower's size, by way of a size with the frame's own proportions."""
    side = settings["max_image_size"]["longest_edge"]
    longest = max(len(clip) for clip in clips)
    pixels = torch.zeros(len(clips), longest, 3, side, side)
    mask = torch.zeros(len(clips), longest, side, side, dtype=torch.long)
    for row, clip in enumerate(clips):
        height, width = proportional(clip.shape[1], clip.shape[2], settings["size"]["longest_edge"])
        frames = resized(clip, height, width, Image.Resampling.LANCZOS)
        squares = normalized(frames, side, side, Image.Resampling.LANCZOS, settings)
        pixels[row, : len(clip)] = torch.from_numpy(squares)
        mask[row, : len(clip)] = 1
    return {"pixel_values": pixels, "pixel_attention_mask": mask}


def even(clip: NDArray[np.uint8], multiple: int) -> NDArray[np.uint8]:
    """Repeat the last frame until the number is a multiple."""
    missing = -len(clip) % multiple
    return np.concatenate([clip, np.repeat(clip[-1:], missing, axis=0)]) if missing else clip


def fit(frames: int, height: int, width: int, factor: int, least: int, most: int) -> tuple[int, int]:
    """Fit (height, width) to multiples of ``factor`` near the original.

    The product frames · height · width stays within the limits.
    """
    if max(height, width) > 200 * min(height, width):
        raise JudgeError(
            f"A picture of {width} × {height} pixels is too narrow for this model (more than 200 to 1).", code="shape"
        )
    if min(height, width) < factor:
        scale = max(factor / height, factor / width)
        height, width = int(height * scale), int(width * scale)
    rows, columns = max(1, round(height / factor)) * factor, max(1, round(width / factor)) * factor
    area = frames * rows * columns
    if area > most:
        shrink = math.sqrt(frames * height * width / most)
        rows = max(factor, math.floor(height / shrink / factor) * factor)
        columns = max(factor, math.floor(width / shrink / factor) * factor)
    elif area < least:
        grow = math.sqrt(least / (frames * height * width))
        rows = math.ceil(height * grow / factor) * factor
        columns = math.ceil(width * grow / factor) * factor
    return rows, columns


def proportional(height: int, width: int, longest: int) -> tuple[int, int]:
    """Make the longer side ``longest``, the other one even: (height, width)."""
    if width >= height:
        shorter = int(longest * height / width)
        return max(1, shorter + shorter % 2), longest
    shorter = int(longest * width / height)
    return longest, max(1, shorter + shorter % 2)


def resized(frames: NDArray[np.uint8], height: int, width: int, resample: Image.Resampling) -> NDArray[np.uint8]:
    """Resize frames with Pillow."""
    if frames.shape[1:3] == (height, width):
        return frames
    return np.stack([np.asarray(Image.fromarray(frame).resize((width, height), resample)) for frame in frames])


def normalized(
    frames: NDArray[np.uint8], height: int, width: int, resample: Image.Resampling, settings: Mapping[str, Any]
) -> Floats:
    """Resize frames and normalize their colors.

    Returns float32 [t, 3, height, width]: scaled to [0, 1], mean taken off, divided by the deviation.
    """
    frames = resized(frames, height, width, resample)
    mean = np.array(settings["image_mean"], dtype=np.float32) * 255
    deviation = np.array(settings["image_std"], dtype=np.float32) * 255
    values = (frames.astype(np.float32) - mean) / deviation
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2))


def patches(pixels: Floats, patch: int, merge: int, pair: int) -> tuple[Floats, list[int]]:
    """Cut frames into patches whose merge × merge neighbors follow each other.

    Returns float32 [t·h·w, 3·pair·patch·patch] and [t, h, w].
    """
    count, channels, height, width = pixels.shape
    t, h, w = count // pair, height // patch, width // patch
    cells = pixels.reshape(t, pair, channels, h // merge, merge, patch, w // merge, merge, patch)
    cells = cells.transpose(0, 3, 6, 4, 7, 2, 1, 5, 8)
    return np.ascontiguousarray(cells).reshape(t * h * w, channels * pair * patch * patch), [t, h, w]


_CLIP_MEAN, _CLIP_STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
_HALF = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "Qwen2VLVideoProcessor": {
        "size": {"shortest_edge": 128 * 28 * 28, "longest_edge": 768 * 28 * 28},
        "patch_size": 14,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "image_mean": _CLIP_MEAN,
        "image_std": _CLIP_STD,
    },
    "Qwen3VLVideoProcessor": {
        "size": {"shortest_edge": 128 * 32 * 32, "longest_edge": 768 * 32 * 32},
        "patch_size": 16,
        "temporal_patch_size": 2,
        "merge_size": 2,
        **_HALF,
    },
    "SmolVLMVideoProcessor": {
        "size": {"longest_edge": 4 * 364},
        "max_image_size": {"longest_edge": 364},
        "num_frames": 24,
        "fps": 1,
        **_HALF,
    },
}
_KINDS: dict[str, Callable[[Sequence[NDArray[np.uint8]], Mapping[str, Any]], dict[str, Any]]] = {
    # Qwen3-VL bounds the pixels of the whole clip, the earlier ones those of a frame.
    "Qwen2VLVideoProcessor": lambda clips, settings: _qwen(clips, settings, whole=False),
    "Qwen3VLVideoProcessor": lambda clips, settings: _qwen(clips, settings, whole=True),
    "SmolVLMVideoProcessor": _smolvlm,
}
