"""From prompts to a compared model, with real training: MPO wins without paying, total-reward DPO pays.

A small diffusion model learns to paint; it paints each prompt several times; pairs are mined by dominance and by the
total; a LoRA is trained on each; all three models paint held-out prompts from the same seeds and are compared.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from reward_engine.judges.base import MediaInput
from reward_engine.media import decode_image
from reward_engine.mpo import dominance, policies
from reward_engine.mpo.checks import check_mined, check_scores
from reward_engine.mpo.generation import Sampling, generate
from reward_engine.mpo.run import as_inputs, compare_models, groups_of
from reward_engine.mpo.scoring import Scores
from reward_engine.mpo.training import Settings, TrainingPair, check_result, prepare, read_curves, train
from tests.reward_engine.mpo import shapes

SAMPLING = Sampling(steps=10, guidance_scale=1.0)
SETTINGS = Settings(
    steps=40, pairs_per_step=32, batch_size=32, beta=100.0, learning_rate=1e-3, warmup_steps=5, rank=8, alpha=8,
    precision="fp32", gradient_checkpointing=False, save_every=40, evaluate_every=40, evaluation_draws=6,
    sample_every=0,
)  # fmt: skip


def score(items: Sequence[MediaInput]) -> Scores:
    weighted = shapes.qualities(np.stack([decode_image(item.path) for item in items])) * shapes.WEIGHTS
    return Scores(weighted.sum(axis=1), weighted, np.zeros((len(items), 0)), shapes.DIMENSIONS)


@pytest.fixture(scope="module")
def answer(tmp_path_factory):
    root: Path = tmp_path_factory.mktemp("proof")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # of so small a network more threads only get in each other's way
    pipeline = shapes.pipeline()
    shapes.learn_to_paint(pipeline, steps=200)
    pipeline.save_pretrained(root / "pipeline")
    policy = policies.load_policy(root / "pipeline")

    made = generate(policy, shapes.PROMPTS, root / "made", per_prompt=24, sampling=SAMPLING, batch_size=80)
    scores, groups = score(as_inputs(made, "image")), groups_of(made)
    check_scores(scores.by_dimension, groups)
    mined = {
        "mpo": dominance.pairs(scores.by_dimension, groups, max_pairs_per_group=16),
        "total": dominance.total_pairs(scores.by_dimension, groups, max_pairs_per_group=16),
    }
    runs = {}
    for name, found in mined.items():
        check_mined(found, scores.by_dimension, groups, shapes.DIMENSIONS)
        pairs = []
        for winner, loser in zip(found.winner.tolist(), found.loser.tolist(), strict=True):
            prompt = made[winner].prompt
            pairs.append(TrainingPair(prompt, made[winner].path, made[loser].path, prompt in shapes.HELD_OUT))
        run = prepare(
            root / name, pipeline=root / "pipeline", pairs=pairs, settings=SETTINGS, cache=root / "cache",
            record={"pairs": name},
        )  # fmt: skip
        assert train(run.path).finished
        runs[name] = run.path
    loras = {name: path / "lora" / "pytorch_lora_weights.safetensors" for name, path in runs.items()}
    compared = compare_models(
        policy, loras, shapes.HELD_OUT, root / "compared", score, per_prompt=16, sampling=SAMPLING, seed=1,
        batch_size=80,
    )  # fmt: skip
    torch.set_num_threads(threads)
    assert compared is not None
    return mined, runs, compared


def test_the_conflict_is_in_the_pairs_by_total_and_not_in_those_by_dominance(answer):
    mined, _, _ = answer
    assert mined["total"].gaps[:, 1].mean() < 0  # the brighter shape comes with the brighter night
    assert (mined["mpo"].gaps >= 0).all()


def test_the_tuned_model_prefers_the_winners_of_prompts_it_never_saw(answer):
    _, runs, _ = answer
    for path in runs.values():
        curves = read_curves(path / "metrics.jsonl")
        assert curves[0]["accuracy"] == 0.5  # where it starts, it is its own reference
        assert curves[-1]["held_out_accuracy"] > 0.75
        assert curves[-1]["held_out_margin"] > 0
        assert check_result(path)["measures"]["held_out_accuracy"] > 0.75


def test_mpo_raises_the_reward_and_lowers_no_dimension(answer):
    found = answer[2].against_start["mpo"]
    assert found.reward.verdict == "rises"
    assert found.by_reward.win > 0.75
    assert {change.name: change.verdict for change in found.dimensions}["night"] == "rises"
    assert all(change.verdict != "falls" for change in found.dimensions)
    assert found.over_optimized == ()


def test_total_reward_dpo_buys_its_reward_with_the_dimension_at_odds(answer):
    found = answer[2].against_start["total"]
    night = next(change for change in found.dimensions if change.name == "night")
    assert found.reward.verdict == "rises"
    assert night.verdict == "falls"
    assert "night" in found.over_optimized
    spared = next(change for change in answer[2].against_start["mpo"].dimensions if change.name == "night")
    assert spared.low > night.high


def test_all_models_made_the_same_prompts_from_the_same_seeds(answer):
    made = answer[2].made
    asked = [[(item.prompt, item.seed) for item in items] for items in made.values()]
    assert asked[0] == asked[1] == asked[2]
    assert len(set(asked[0])) == 16 * len(shapes.HELD_OUT)
