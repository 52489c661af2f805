"""Tiny models of every family, real in everything but their weights, and a few pictures and clips to judge."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from benchmarks.models import Size, build
from reward_engine.checklist import builtin
from reward_engine.judges.base import MediaInput
from reward_engine.judges.vlm import VLMJudge, VLMOptions
from tests.reward_engine.judges.vlm.media import picture
from tests.reward_engine.media.clips import write_clip

SIZE = Size(spread=0.25)
"""Weights so large that attention is sharp: what a token sees changes answers by far more than rounding does."""


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    """``model_folder("llava")``: its folder, built once a session."""
    root = tmp_path_factory.mktemp("models")

    def folder(family: str) -> Path:
        path = root / family
        return path if path.exists() else build(family, path, SIZE)

    return folder


@pytest.fixture(scope="session")
def judge_of(model_folder):
    """``judge_of("llava", way="loop")``: a judge for the video checklist; one of each kind a session."""
    made = {}

    def judge(family: str, **options) -> VLMJudge:
        key = (family, *sorted(options.items()))
        if key not in made:
            made[key] = VLMJudge.load(model_folder(family), checklist=builtin("video"), options=VLMOptions(**options))
        return made[key]

    return judge


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """Images of four sizes, with and without a prompt."""
    folder = tmp_path_factory.mktemp("images")
    items = []
    for number, (width, height) in enumerate([(120, 80), (200, 64), (77, 150), (64, 64)]):
        path = folder / f"{number}.png"
        Image.fromarray(picture(number, width, height)).save(path)
        items.append(MediaInput(f"image-{number}", "image", path, prompt="a cat on a red sofa " * number))
    return items


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    """Clips of 3 seconds, half a second at an odd size, and one frame."""
    folder = tmp_path_factory.mktemp("clips")
    items = []
    for number, (count, size) in enumerate([(30, (96, 64)), (6, (64, 110)), (1, (80, 80))]):
        frames = [picture(100 * number + frame, *size) for frame in range(count)]
        path = write_clip(folder / f"{number}.mp4", frames, rate=12)
        items.append(MediaInput(f"clip-{number}", "video", path, prompt="a dog runs"))
    return items
