"""Real photographs and clips made from them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from reward_engine.judges.base import MediaInput
from tests.reward_engine.media.clips import write_clip

Picture = NDArray[np.uint8]


@pytest.fixture(scope="session")
def photographs() -> dict[str, Picture]:
    """Photographs that come inside scikit-image's wheel, longer side 384."""

    def reduced(pixels: Picture) -> Picture:
        image = Image.fromarray(pixels)
        image.thumbnail((384, 384), Image.Resampling.LANCZOS)
        return np.asarray(image)

    return {name: reduced(getattr(data, name)()) for name in ("astronaut", "chelsea", "coffee", "rocket")}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def image_item(tmp_path: Path) -> Callable[..., MediaInput]:
    """``image_item("cat", pixels, "a cat")``: the pixels as a PNG file."""

    def make(key: str, pixels: Picture, prompt: str = "") -> MediaInput:
        path = tmp_path / f"{key}.png"
        Image.fromarray(pixels).save(path)
        return MediaInput(key, "image", path, prompt)

    return make


@pytest.fixture
def video_item(tmp_path: Path) -> Callable[..., MediaInput]:
    """``video_item("pan", frames, "a cat")``: the frames as an MP4 file."""

    def make(key: str, frames: list[Picture], prompt: str = "", rate: float = 12) -> MediaInput:
        return MediaInput(key, "video", write_clip(tmp_path / f"{key}.mp4", frames, rate=rate), prompt)

    return make
