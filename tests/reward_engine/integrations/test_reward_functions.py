"""Reward functions in the forms that trainers take: media of every form, a local judge, the platform, the examples."""

import importlib.util
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from reward_engine.checklist import builtin
from reward_engine.errors import DataError, JudgeError
from reward_engine.integrations import (
    LocalScorer,
    PlatformScorer,
    RewardFunction,
    for_ddpo,
    for_flow_grpo,
    for_grpo,
)
from reward_engine.judges.base import Predictions
from reward_engine.media import AllFrames, sample_frames
from tests.reward_engine.judges.vlm.planted import color_checklist
from tests.reward_engine.mpo import tiny

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"


@dataclass(frozen=True)
class Bright:
    """P(yes) of all questions is the mean brightness."""

    checklist: Any
    name: str = "bright"
    version: str = "1"

    def predict(self, items, *, batch_size=16, progress=None, canceled=None):
        p, keys, errors = [], [], {}
        for item in items:
            if "unreadable" in item.prompt:
                errors[item.key] = "It is cut off."
                continue
            if item.media_type == "image":
                pixels = np.asarray(Image.open(item.path).convert("RGB"))
            else:
                pixels = sample_frames(item.path, AllFrames()).pixels
            keys.append(item.key)
            p.append(pixels.mean() / 255)
        width = len(self.checklist.questions)
        return Predictions(
            tuple(keys), np.repeat(np.array(p, np.float32)[:, None], width, 1).reshape(-1, width), errors
        )


@pytest.fixture(scope="module")
def local():
    return RewardFunction(LocalScorer(Bright(color_checklist())))


def shades():
    return [np.full((8, 6, 3), shade, dtype=np.uint8) for shade in (20, 120, 230)]


def test_every_form_of_an_image_gives_the_same_reward(local, tmp_path):
    arrays = shades()
    Image.fromarray(arrays[0]).save(tmp_path / "a.png")
    prompts = ["p"] * 3
    expected = local(arrays, prompts)
    assert expected == sorted(expected)
    assert expected[0] == pytest.approx(np.mean([2 * 20 / 255 - 1] * 2), abs=1e-6)
    for images in (
        [Image.fromarray(array) for array in arrays],
        [array.astype(np.float32) / 255 for array in arrays],
        [torch.tensor(array).permute(2, 0, 1) for array in arrays],
        torch.stack([torch.tensor(array).permute(2, 0, 1).float() / 255 for array in arrays]),
        [torch.tensor(array).permute(2, 0, 1).to(torch.bfloat16) / 255 for array in arrays],
        [tmp_path / "a.png", Image.fromarray(arrays[1]), arrays[2]],
    ):
        assert local(images, prompts) == pytest.approx(expected, abs=0.02)


def test_clips_of_every_form():
    function = RewardFunction(LocalScorer(Bright(builtin("video"))))
    dark, light = np.full((4, 34, 48, 3), 30, np.uint8), np.full((4, 34, 48, 3), 220, np.uint8)
    plain = function(videos=[dark, light], prompts=["a", "b"])
    assert plain[0] < plain[1]
    for clips in (
        [[Image.fromarray(frame) for frame in dark], [Image.fromarray(frame) for frame in light]],
        [torch.tensor(dark).permute(0, 3, 1, 2), torch.tensor(light).permute(0, 3, 1, 2) / 255.0],
    ):
        assert function(videos=clips, prompts=["a", "b"]) == pytest.approx(plain, abs=1e-3)
    odd = function(videos=[dark[:, :33, :47]], prompts=["a"])
    assert odd == pytest.approx(plain[:1], abs=0.02)


@pytest.mark.parametrize(
    ("media", "words"),
    [
        (np.full((3, 4), 1, np.uint8), "the shape must be"),
        (np.full((8, 8, 3), 2.5), "must lie in 0..1"),
        (np.full((8, 8, 3), np.nan), "must lie in 0..1"),
        (np.full((8, 8, 3), 300), "must lie in 0..255"),
        ("nowhere.png", "no file nowhere.png"),
        (object(), "neither an image, an array, a tensor nor a path"),
    ],
)
def test_what_is_no_image_is_refused_with_its_number(local, media, words):
    with pytest.raises(DataError, match=words) as refused:
        local([shades()[0], media], ["a", "b"])
    assert "image-1" in str(refused.value) or "nowhere" in str(refused.value)


def test_media_and_prompts_are_as_many(local):
    with pytest.raises(DataError, match="3 images and 1 prompts"):
        local(shades(), ["a"])
    with pytest.raises(DataError, match="either images or videos"):
        local(prompts=["a"])
    with pytest.raises(JudgeError, match="looks at images"):
        local(videos=[np.zeros((2, 16, 16, 3), np.uint8)], prompts=["a"])
    assert local([], []) == []


def test_what_cannot_be_scored_is_raised_or_has_the_reward_that_was_set(local):
    with pytest.raises(DataError, match=r"image 1 cannot be scored: It is cut off\."):
        local(shades()[:2], ["a", "unreadable"])
    lenient = RewardFunction(local.scorer, missing=-9.0)
    assert lenient(shades()[:2], ["a", "unreadable"])[1] == -9.0
    assert lenient.by_dimension(shades()[:2], ["a", "unreadable"])["all"][1] == -9.0


def test_dimensions_add_up_to_the_reward():
    function = RewardFunction(LocalScorer(Bright(builtin("image"))))
    images, prompts = shades(), ["p"] * 3
    parts = function.by_dimension(images, prompts)
    assert set(parts) == {dimension.id for dimension in builtin("image").dimensions}
    np.testing.assert_allclose(np.sum(list(parts.values()), axis=0), function(images, prompts), atol=1e-9)


def test_the_forms_of_trainers(local):
    images, prompts = shades(), ["a", "b", "c"]
    plain = local(images, prompts)
    talk = [[{"role": "user", "content": [{"type": "text", "text": prompt}]}] for prompt in prompts]
    assert for_grpo(local)(prompts=prompts, completions=images, step=3) == plain
    assert for_grpo(local, column="image")(prompts=talk, completions=["x"] * 3, image=images) == plain
    assert (
        for_grpo(local, dimension="all")(prompts=prompts, completions=images)
        == local.by_dimension(images, prompts)["all"]
    )
    assert for_grpo(local, dimension="all").__name__ == "visionreward_all"
    batch = torch.stack([torch.tensor(image).permute(2, 0, 1) / 255.0 for image in images])
    rewards, information = for_ddpo(local)(batch, tuple(prompts), ({}, {}, {}))
    assert rewards.dtype == np.float32
    assert rewards.tolist() == pytest.approx(plain)
    assert len(information["by_dimension"]) == 3
    scores, _ = for_flow_grpo(local)(batch, prompts, [{}] * 3, only_strict=True)
    assert scores["avg"] == pytest.approx(plain)
    assert set(scores) == {"avg", "all"}


@contextmanager
def platform(answers):
    """A server that answers as ``POST /api/v1/score/`` is documented: one of ``answers`` a request."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def _answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.append((self.command, self.path, self.headers.get("Authorization"), body))
            status, content = answers[min(len(seen), len(answers)) - 1]
            raw = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = _answer  # noqa: N815 - the library's names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()


def row(reward, **more):
    return {"item": None, "file": "x.png", "error": None, "reward": reward, "version": 3,
            "by_dimension": {"a": reward / 2, "b": reward / 2}, **more}  # fmt: skip


def test_the_platform_behind_the_same_call():
    later = {"id": "7", "url": "x", "job": {}}
    failed = {"item": None, "file": "y.png", "error": {"code": "truncated", "title": "y.png is cut off."}}
    with platform([(202, later), (202, later), (200, {"results": [row(0.5), failed]})]) as (url, seen):
        scorer = PlatformScorer(url, "secret", poll_seconds=0.01)
        function = RewardFunction(scorer, missing=-1.0)
        assert function(shades()[:2], ["a", "b"]) == [0.5, -1.0]
    assert [(method, path) for method, path, _, _ in seen] == [
        ("POST", "/api/v1/score/"), ("GET", "/api/v1/score/7/"), ("GET", "/api/v1/score/7/"),
    ]  # fmt: skip
    assert {token for _, _, token, _ in seen} == {"Bearer secret"}
    assert seen[0][3].count(b'name="files"') == 2
    assert seen[0][3].count(b'name="prompts"') == 2
    assert scorer.version == 3
    assert "secret" not in repr(scorer)


def test_a_single_file_is_sent_alone():
    """A prompt that looks like a JSON list must not be taken for a list of prompts."""
    with platform([(200, row(0.3))]) as (url, seen):
        assert RewardFunction(PlatformScorer(url, "t"))(shades()[:1], ['["a"]']) == [0.3]
    assert b'name="file"' in seen[0][3]
    assert b'name="prompt"' in seen[0][3]


def test_large_batches_are_sent_in_parts():
    with platform([(200, {"results": [row(0.1)] * 64}), (200, {"results": [row(0.2)] * 6})]) as (url, seen):
        found = RewardFunction(PlatformScorer(url, "t"))([shades()[0]] * 70, ["p"] * 70)
    assert (len(seen), len(found), found[-1]) == (2, 70, 0.2)


def test_what_the_platform_refuses_is_raised_in_words():
    refusal = (403, {"title": "This token may not score."})
    with platform([refusal]) as (url, _), pytest.raises(JudgeError, match="403: This token may not score"):
        RewardFunction(PlatformScorer(url, "t"))(shades(), ["p"] * 3)
    with pytest.raises(JudgeError, match="cannot be reached"):
        RewardFunction(PlatformScorer("http://127.0.0.1:9", "t"))(shades(), ["p"] * 3)
    with platform([(202, {"id": "7"})]) as (url, _):
        slow = PlatformScorer(url, "t", patience_seconds=0.1, poll_seconds=0.05)
        with pytest.raises(JudgeError, match="has not scored 3 images"):
            RewardFunction(slow)(shades(), ["p"] * 3)


def example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_diffusers_example_tunes_a_tiny_pipeline(local):
    pipeline = tiny.stable_diffusion()
    pipeline.set_progress_bar_config(disable=True)
    means = example("reward_weighted").train(
        pipeline, for_ddpo(local), ["a red disc", "a blue square"], rounds=2, per_prompt=2, steps=2
    )
    assert len(means) == 2
    assert np.isfinite(means).all()
    moved = [weight for name, weight in pipeline.unet.named_parameters() if "lora_B" in name]
    assert any(weight.abs().max() > 0 for weight in moved)


def test_the_grpo_example_has_the_signature_that_trl_calls(local):
    (whole,) = example("trl_grpo").reward_functions(local.scorer)
    by_dimension = example("trl_grpo").reward_functions(local.scorer, ["all"])
    found = whole(prompts=["a"] * 3, completions=shades(), completion_ids=[[1]] * 3, trainer_state=None)
    assert isinstance(found, list)
    assert found == by_dimension[0](prompts=["a"] * 3, completions=shades())
