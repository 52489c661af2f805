"""Generations: seeds that are recorded, work that is not done twice, memory that runs out, models beside each other."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from reward_engine.errors import ArtifactError, DataError, TrainingError
from reward_engine.media import decode_image
from reward_engine.mpo import dominance, media, policies
from reward_engine.mpo.generation import Sampling, generate, plan
from reward_engine.mpo.media import Size
from reward_engine.mpo.run import compare_models, groups_of, training_pairs
from reward_engine.mpo.scoring import Scores
from tests.reward_engine.mpo import tiny

PROMPTS = ["a red disc", "the dark square left"]
SAMPLING = Sampling(steps=2, guidance_scale=1.0, size=Size(16, 16))


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipeline")
    tiny.stable_diffusion().save_pretrained(folder)
    return policies.load_policy(folder)


@pytest.fixture(scope="module")
def lora(policy, tmp_path_factory):
    for _, parameter in policy.attach_lora(rank=2):
        parameter.data.add_(0.3)
    file = policy.save_lora(tmp_path_factory.mktemp("lora"))
    policy.remove_lora()
    return file


def pictures(items):
    return np.stack([decode_image(item.path).astype(int) for item in items])


def test_seeds_are_recorded_and_one_item_alone_is_the_same(policy, tmp_path):
    made = generate(policy, PROMPTS, tmp_path, per_prompt=3, sampling=SAMPLING, seed=5)
    recorded = json.loads((tmp_path / "plan.json").read_text())
    assert [item["seed"] for item in recorded["items"]] == [item.seed for item in made]
    assert recorded["pipeline_fingerprint"] == policy.fingerprint != ""
    assert len({item.seed for item in made}) == 6
    (again,) = policy.generate([made[4].prompt], [made[4].seed], **SAMPLING.options(policy))
    assert np.abs(np.asarray(again).astype(int) - pictures(made)[4]).max() <= 1


def test_a_prompts_seeds_do_not_depend_on_the_others(tmp_path):
    both = plan(PROMPTS, 2, tmp_path, ".png", 0)
    alone = plan(PROMPTS[1:], 2, tmp_path, ".png", 0)
    assert [item.seed for item in both[2:]] == [item.seed for item in alone]
    assert plan(PROMPTS * 2, 2, tmp_path, ".png", 0) == both
    assert [item.seed for item in plan(PROMPTS, 2, tmp_path, ".png", 1)] != [item.seed for item in both]


def test_what_is_there_is_not_made_again(policy, tmp_path, monkeypatch):
    asked = []
    real = policy.generate
    monkeypatch.setattr(
        policy, "generate", lambda prompts, *a, **o: asked.append(len(prompts)) or real(prompts, *a, **o)
    )
    heard = []
    options = {"per_prompt": 3, "sampling": SAMPLING, "batch_size": 2}
    part = generate(policy, PROMPTS, tmp_path, canceled=lambda: len(asked) >= 2, **options)
    assert len(part) == 4
    before = {item.path: item.path.stat().st_mtime_ns for item in part}
    whole = generate(policy, PROMPTS, tmp_path, progress=lambda *counts: heard.append(counts), **options)
    assert len(whole) == 6
    assert asked == [2, 2, 2]
    assert heard == [(6, 6)]
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert not list(tmp_path.glob(".*"))


def test_what_is_kept_elsewhere_is_not_made_again(policy, tmp_path):
    options = {"per_prompt": 2, "sampling": SAMPLING, "seed": 5}
    whole = generate(policy, PROMPTS, tmp_path / "whole", **options)
    rest = generate(policy, PROMPTS, tmp_path / "rest", elsewhere={(PROMPTS[0], 0), (PROMPTS[1], 1)}, **options)
    assert [(item.prompt, item.index) for item in rest] == [(PROMPTS[0], 1), (PROMPTS[1], 0)]
    assert np.abs(pictures(rest) - pictures(whole[1:3])).max() <= 1


def test_other_items_are_never_mixed_in(policy, lora, tmp_path):
    generate(policy, PROMPTS, tmp_path, per_prompt=1, sampling=SAMPLING)
    for change in ({"per_prompt": 2}, {"seed": 1}, {"lora": lora}, {"sampling": Sampling(3, 1.0, Size(16, 16))}):
        with pytest.raises(ArtifactError, match="new folder"):
            generate(policy, PROMPTS, tmp_path, **({"per_prompt": 1, "sampling": SAMPLING} | change))


def test_a_batch_that_does_not_fit_is_halved(policy, tmp_path, monkeypatch):
    sizes = []
    real = policy.generate

    def scarce(prompts, *args, **options):
        sizes.append(len(prompts))
        if len(prompts) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(prompts, *args, **options)

    monkeypatch.setattr(policy, "generate", scarce)
    made = generate(policy, PROMPTS, tmp_path / "a", per_prompt=3, sampling=SAMPLING, batch_size=8)
    assert sizes == [6, 3, 1, 1, 1, 1, 1, 1]
    assert len(made) == 6

    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(policy, "generate", full)
    with pytest.raises(TrainingError, match="Not even one item"):
        generate(policy, PROMPTS, tmp_path / "b", per_prompt=1, sampling=SAMPLING)

    def broken(*_, **__):
        raise RuntimeError("something else")

    monkeypatch.setattr(policy, "generate", broken)
    with pytest.raises(RuntimeError, match="something else"):
        generate(policy, PROMPTS, tmp_path / "c", per_prompt=1, sampling=SAMPLING)


def test_clips_are_made_and_read_back(tmp_path):
    video = policies.wrap(tiny.cogvideox())
    sampling = Sampling(2, 1.0, Size(32, 32, 9))
    (item,) = generate(video, PROMPTS[:1], tmp_path, per_prompt=1, sampling=sampling)
    assert item.path.suffix == ".mp4"
    pixels = media.load(item.path, Size(32, 32, 9))
    assert pixels.shape == (9, 32, 32, 3)
    (frames,) = video.generate([item.prompt], [item.seed], **sampling.options(video))
    original = np.stack([np.asarray(frame) for frame in frames]).astype(int)
    assert np.abs(pixels.astype(int) - original).mean() < 12  # the colors of noise, halved in resolution by the codec
    with pytest.raises(DataError, match="9 frames, training is set to 13"):
        media.load(item.path, Size(32, 32, 13))
    assert media.load(item.path, Size(16, 16, 5)).shape == (5, 16, 16, 3)


def test_pictures_are_cropped_about_the_center(tmp_path):
    wide = np.zeros((20, 60, 3), dtype=np.uint8)
    wide[:, 20:40] = 255
    Image.fromarray(wide).save(tmp_path / "wide.png")
    assert media.load(tmp_path / "wide.png", Size(10, 10)).min() > 230  # a filter looks a little over the edge
    assert np.array_equal(media.load(tmp_path / "wide.png", Size(60, 20)), wide)


def brightness(items):
    values = np.array([[decode_image(item.path).mean() / 255, 0.5] for item in items])
    return Scores(values.sum(axis=1), values, np.zeros((len(values), 0)), ("bright", "even"))


def test_models_are_compared_on_the_same_seeds(policy, lora, tmp_path):
    heard = []
    found = compare_models(
        policy, {"tuned": lora}, PROMPTS, tmp_path, brightness, per_prompt=2, sampling=SAMPLING,
        progress=lambda *counts: heard.append(counts),
    )  # fmt: skip
    assert [item.seed for item in found.made["start"]] == [item.seed for item in found.made["tuned"]]
    assert not np.array_equal(pictures(found.made["start"]), pictures(found.made["tuned"]))
    assert found.against_start["tuned"].items == 4
    assert heard[-1] == (8, 8)
    plain = generate(policy, PROMPTS, tmp_path / "plain", per_prompt=2, sampling=SAMPLING)
    assert np.array_equal(pictures(plain), pictures(found.made["start"]))  # the adapter was taken off again
    assert compare_models(
        policy, {"tuned": lora}, PROMPTS, tmp_path / "stop", brightness, sampling=SAMPLING, batch_size=2,
        canceled=lambda: True,
    ) is None  # fmt: skip
    with pytest.raises(DataError, match="start"):
        compare_models(policy, {"start": lora}, PROMPTS, tmp_path, brightness)


def test_pairs_become_files_and_held_out_prompts_stay_so(tmp_path):
    made = plan([f"prompt {number}" for number in range(200)], 2, tmp_path, ".png", 0)
    values = np.tile([[1.0], [0.0]], (200, 1))
    mined = dominance.pairs(values, groups_of(made))
    pairs = training_pairs(mined, made, held_out=0.2)
    assert len(pairs) == 200
    out = {pair.prompt for pair in pairs if pair.held_out}
    assert 20 < len(out) < 60
    few = training_pairs(mined.take(range(50)), made, held_out=0.2)
    assert {pair.prompt for pair in few if pair.held_out} == {p.prompt for p in few} & out
    assert all(pair.winner.name.endswith("-000.png") for pair in pairs)
    assert not any(pair.held_out for pair in training_pairs(mined, made, held_out=0))
    with pytest.raises(DataError, match="held out"):
        training_pairs(mined, made, held_out=1.0)
    with pytest.raises(DataError, match="no prompt"):
        plan([" "], 1, tmp_path, ".png", 0)
    with pytest.raises(DataError, match="At least one"):
        plan(["a"], 0, tmp_path, ".png", 0)
