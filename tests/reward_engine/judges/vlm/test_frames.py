"""Clips prepared without torchvision: the same numbers as the library's image processors give for their frames."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reward_engine.errors import JudgeError
from reward_engine.judges.vlm.frames import FrameProcessor, fit
from reward_engine.judges.vlm.processors import in_words
from tests.reward_engine.judges.vlm.media import QUESTIONS, picture

QWEN = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")


@pytest.mark.parametrize("family", [*QWEN, "smolvlm"])
def test_a_still_clip_is_what_its_image_is(family, judge_of, monkeypatch):
    """A tower of the Qwen families takes an image as two equal frames; SmolVLM takes frames as untiled images."""
    processor = judge_of(family).encoder.processor
    frame = picture(5, 128, 64) if family in QWEN else picture(5, 64, 64)
    clip = processor.video_processor([np.stack([frame, frame])])
    if family in QWEN:
        frames = FrameProcessor({**processor.video_processor.settings, "size": dict(processor.image_processor.size)})
        if family == "qwen3_vl":  # it bounds the clip, not the frame
            frames.settings["size"] = {
                edge: 2 * value for edge, value in dict(processor.image_processor.size).items() if value
            }
        clip = frames([np.stack([frame, frame])])
        image = processor.image_processor(Image.fromarray(frame), return_tensors="pt")
        assert clip["video_grid_thw"].tolist() == image["image_grid_thw"].tolist()
        torch.testing.assert_close(clip["pixel_values_videos"], image["pixel_values"], rtol=0, atol=1e-5)
    else:
        size = {"longest_edge": processor.image_processor.size["longest_edge"]}
        monkeypatch.setitem(processor.video_processor.settings, "size", size)
        frame = picture(5, 90, 57)
        clip = processor.video_processor([np.stack([frame, frame])])
        image = processor.image_processor(Image.fromarray(frame), do_image_splitting=False, return_tensors="pt")
        torch.testing.assert_close(clip["pixel_values"][:, :1], image["pixel_values"], rtol=0, atol=1e-5)


def test_frames_are_paired_in_time(judge_of):
    processor = judge_of("qwen2_vl").encoder.processor.video_processor
    frames = np.stack([np.full((56, 56, 3), level, dtype=np.uint8) for level in (10, 20, 30)])
    found = processor([frames])
    assert found["video_grid_thw"][0, 0] == 2  # the third is repeated
    cells = found["pixel_values_videos"].reshape(2, -1, 3, 2, 14, 14)
    levels = (cells * torch.tensor(processor.settings["image_std"])[:, None, None, None] * 255) + (
        torch.tensor(processor.settings["image_mean"])[:, None, None, None] * 255
    )
    assert [round(float(levels[pair, :, :, frame].mean())) for pair in (0, 1) for frame in (0, 1)] == [10, 20, 30, 30]


def test_times_reach_the_model(judge_of, clips):
    def text(family):
        encoded = judge_of(family).encoder.encode(clips[0], QUESTIONS)
        return judge_of(family).encoder.processor.tokenizer.decode(encoded.prefix), encoded

    qwen3, _ = text("qwen3_vl")
    assert "<0.5 seconds>" in qwen3  # the mean of frames at 0 and 1 second, which a patch holds together
    smolvlm, _ = text("smolvlm")
    assert "Frame from 00:02" in smolvlm
    assert "series of three frames" in smolvlm
    _, encoded = text("qwen2_5_vl")
    assert encoded.media["second_per_grid_ts"].item() == pytest.approx(2 / (3 / 2.5), rel=0.05)


@given(st.integers(1, 24), st.integers(4, 3000), st.integers(4, 3000))
def test_sizes_are_multiples_within_the_limits(frames, height, width):
    factor, least, most = 28, 3136 * frames, 602112 * frames
    if max(height, width) > 200 * min(height, width):
        with pytest.raises(JudgeError, match="too narrow"):
            fit(frames, height, width, factor, least, most)
        return
    rows, columns = fit(frames, height, width, factor, least, most)
    assert rows % factor == columns % factor == 0
    assert rows >= factor
    assert columns >= factor
    if max(height, width) < 20 * min(height, width):
        assert frames * rows * columns <= most
        assert frames * rows * columns >= least
        bend = math.log(rows / columns) - math.log(height / width)
        assert abs(bend) < math.log(2.1)


def test_numbers_in_words():
    assert [in_words(number) for number in (0, 7, 13, 20, 24, 99, 120)] == [
        "zero", "seven", "thirteen", "twenty", "twenty-four", "ninety-nine", "120",
    ]  # fmt: skip
    with pytest.raises(JudgeError, match="not supported"):
        FrameProcessor({"video_processor_type": "OtherVideoProcessor"})
