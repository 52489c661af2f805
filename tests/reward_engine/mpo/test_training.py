"""The training loop on a tiny random pipeline: where it stops it goes on, and to the same end."""

import json
import os
import signal
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import PartialState
from diffusers import StableDiffusionPipeline
from PIL import Image
from safetensors.torch import load_file

from reward_engine import WRITTEN_BY
from reward_engine.errors import ArtifactError, DataError, TrainingError
from reward_engine.mpo import policies
from reward_engine.mpo.seeds import seed_of
from reward_engine.mpo.training import (
    Metrics,
    Settings,
    TrainingPair,
    check_result,
    open_run,
    prepare,
    read_curves,
    session,
    train,
)
from reward_engine.mpo.training.__main__ import main as command
from reward_engine.mpo.training.draws import noise_at, pair_at
from tests.reward_engine.mpo import tiny

PROMPTS = ("a red disc", "the dark square left", "a blue disc top")
SETTINGS = Settings(
    steps=8, pairs_per_step=6, batch_size=6, beta=500.0, learning_rate=3e-3, warmup_steps=3, rank=2, alpha=4,
    precision="fp32", gradient_checkpointing=False, save_every=2, evaluate_every=4, sample_every=4, sample_prompts=2,
    sample_seeds=2, sampling_steps=2, guidance_scale=1.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """(folder of a pipeline, ten pairs of which two are held out, a cache that all runs share)."""
    root = tmp_path_factory.mktemp("world")
    tiny.stable_diffusion().save_pretrained(root / "pipeline")
    rng = np.random.default_rng(0)
    pairs = []
    for index in range(10):
        files = []
        for side in ("winner", "loser"):
            path = root / f"{index}-{side}.png"
            level = 180 if side == "winner" else 70  # winners are bright: there is something to learn
            Image.fromarray((level + rng.integers(-40, 41, (16, 16, 3))).astype(np.uint8)).save(path)
            files.append(path)
        prompt = PROMPTS[2] if index >= 8 else PROMPTS[index % 2]
        pairs.append(TrainingPair(prompt, *files, held_out=index >= 8))
    return root / "pipeline", pairs, root / "cache"


def make(path: Path, world, **changes):
    pipeline, pairs, cache = world
    settings = Settings.from_dict(SETTINGS.to_dict() | changes)
    return prepare(path, pipeline=pipeline, pairs=pairs, settings=settings, cache=cache, record={"checklist": "abc"})


def adapter(path: Path) -> dict[str, torch.Tensor]:
    return load_file(path / "lora" / "pytorch_lora_weights.safetensors")


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def close(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.allclose(a[name], b[name], atol=2e-4) for name in a)


def curves(path: Path) -> list[dict[str, float]]:
    return [{k: v for k, v in line.items() if k != "seconds"} for line in read_curves(path / "metrics.jsonl")]


@pytest.fixture(scope="module")
def whole(world, tmp_path_factory):
    """A run from start to end, and what its listeners heard."""
    path = tmp_path_factory.mktemp("runs") / "whole"
    make(path, world)
    heard = {"metrics": [], "samples": [], "progress": []}
    outcome = train(
        path,
        on_metrics=heard["metrics"].append,
        on_samples=lambda step, file: heard["samples"].append((step, file)),
        progress=lambda done, total: heard["progress"].append((done, total)),
    )
    assert (outcome.finished, outcome.step) == (True, 8)
    return path, heard


def test_a_run_learns_and_tells_of_it(whole):
    path, heard = whole
    assert [metrics.step for metrics in heard["metrics"]] == list(range(1, 9))
    assert heard["metrics"][0].loss == pytest.approx(np.log(2), abs=1e-6)  # the policy begins as the reference
    assert heard["metrics"][0].accuracy == 0.5
    assert heard["metrics"][-1].loss < np.log(2) - 0.01
    assert heard["metrics"][-1].accuracy > 0.5
    assert [m.step for m in heard["metrics"] if m.held_out_accuracy is not None] == [4, 8]
    assert [m.learning_rate for m in heard["metrics"][:4]] == pytest.approx([1e-3, 2e-3, 3e-3, 3e-3])
    assert heard["progress"][-1] == (23, 23)  # 20 pictures and 3 prompts
    assert len(curves(path)) == 8


def test_grids_come_from_fixed_seeds_and_change_with_the_model(whole):
    path, heard = whole
    assert [step for step, _ in heard["samples"]] == [0, 4, 8]
    grids = [np.asarray(Image.open(file)) for _, file in heard["samples"]]
    assert grids[0].shape == (16, 36, 3)  # one held-out prompt, two seeds
    assert np.abs(grids[0].astype(int) - grids[2].astype(int)).max() > 0
    with torch.no_grad():
        pipe = StableDiffusionPipeline.from_pretrained(open_run(path).pipeline)
        pipe.set_progress_bar_config(disable=True)
        pipe.load_lora_weights(path / "lora")
        policy = policies.wrap(pipe)
        seed = seed_of(0, "sample", 1)
        (again,) = policy.generate([PROMPTS[2]], [seed], num_inference_steps=2, guidance_scale=1.0, width=16, height=16)
    assert np.abs(np.asarray(again).astype(int) - grids[2][:, 20:].astype(int)).max() <= 1


def test_the_result_says_what_it_is_and_alterations_are_found(whole, world, tmp_path):
    path, _ = whole
    manifest = check_result(path)
    assert manifest["pairs"] == {"trained": 8, "held_out": 2}
    assert manifest["record"] == {"checklist": "abc"}
    assert manifest["written_by"] == WRITTEN_BY
    assert manifest["measures"]["steps"] == 8
    assert 0 <= manifest["measures"]["held_out_accuracy"] <= 1
    card = (path / "README.md").read_text()
    assert "load_lora_weights" in card
    assert "StableDiffusionPipeline" in card
    assert not [file for file in path.rglob("*") if file.suffix in (".bin", ".pt", ".pkl", ".ckpt")]
    copied = tmp_path / "copy"
    for file in path.rglob("*"):
        if file.is_file():
            (copied / file.relative_to(path)).parent.mkdir(parents=True, exist_ok=True)
            (copied / file.relative_to(path)).write_bytes(file.read_bytes())
    weights = copied / "lora" / "pytorch_lora_weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(ArtifactError, match="not what the manifest records"):
        check_result(copied)
    weights.unlink()
    with pytest.raises(ArtifactError, match="missing"):
        check_result(copied)


def test_training_again_is_the_same_and_a_finished_run_stays(whole, world, tmp_path):
    path, _ = whole
    make(tmp_path / "again", world, sample_every=0)
    train(tmp_path / "again")
    assert same(adapter(tmp_path / "again"), adapter(path))
    before = (path / "manifest.json").stat().st_mtime_ns
    assert train(path).finished
    assert (path / "manifest.json").stat().st_mtime_ns == before


def test_canceled_then_resumed_comes_to_the_same_end(whole, world, tmp_path):
    path, _ = whole
    run = make(tmp_path / "run", world)
    steps = []
    outcome = train(run.path, on_metrics=lambda m: steps.append(m.step), canceled=lambda: len(steps) >= 2)
    assert (outcome.finished, outcome.step) == (False, 3)
    assert not run.manifest.exists()
    assert train(run.path).finished
    assert same(adapter(run.path), adapter(path))
    assert curves(run.path) == curves(path)


def test_killed_then_resumed_comes_to_the_same_end(whole, world, tmp_path):
    """kill -9 in the middle of a step, after five; the last state is of four."""
    path, _ = whole
    run = make(tmp_path / "run", world)
    child = os.fork()
    if child == 0:  # from here on only the signal ends it: no clean-up of the parent's runs in the child
        try:
            train(run.path, on_metrics=lambda m: os.kill(os.getpid(), signal.SIGKILL) if m.step == 5 else None)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert len(curves(run.path)) == 5
    assert sorted(folder.name for folder in run.states.iterdir()) == ["step-00000002", "step-00000004"]
    (run.states / ".step-00000006.123-ab").mkdir()  # what a kill while writing leaves behind
    assert train(run.path).finished
    assert same(adapter(run.path), adapter(path))
    assert curves(run.path) == curves(path)


def test_a_damaged_state_is_passed_over_and_two_are_refused(whole, world, tmp_path):
    path, _ = whole
    run = make(tmp_path / "run", world, sample_every=0)
    heard = []
    train(run.path, on_metrics=lambda m: heard.append(m.step), canceled=lambda: len(heard) >= 5)
    states = sorted(run.states.iterdir())
    assert [state.name for state in states] == ["step-00000004", "step-00000006"]
    file = states[1] / "optimizer.safetensors"
    file.write_bytes(file.read_bytes()[:-4])
    train(run.path)
    assert same(adapter(run.path), adapter(path))

    other = make(tmp_path / "other", world, sample_every=0)
    train(other.path, canceled=lambda: True)
    (only,) = other.states.iterdir()
    (only / "state.json").write_text("{}")
    with pytest.raises(ArtifactError, match="begin anew"):
        train(other.path)


def test_neither_micro_batches_nor_checkpointing_change_what_is_learned(whole, world, tmp_path):
    path, _ = whole
    make(tmp_path / "run", world, batch_size=4, gradient_checkpointing=True, sample_every=0)
    train(tmp_path / "run")
    assert close(adapter(tmp_path / "run"), adapter(path))


def test_where_memory_runs_out_the_batch_halves_and_nothing_else_changes(whole, world, tmp_path, monkeypatch):
    path, _ = whole
    sizes = []

    def scarce(policy, batch, **options):
        sizes.append(len(batch))
        if len(batch) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(policy, batch, **options)

    real = session.pair_loss
    monkeypatch.setattr(session, "pair_loss", scarce)
    make(tmp_path / "run", world, sample_every=0)
    train(tmp_path / "run")
    assert sizes[:5] == [6, 3, 3, 3, 3]
    assert close(adapter(tmp_path / "run"), adapter(path))

    def none(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(session, "pair_loss", none)
    make(tmp_path / "small", world, sample_every=0)
    with pytest.raises(TrainingError, match="do not fit") as caught:
        train(tmp_path / "small")
    assert caught.value.code == "memory"


def test_bf16_learns_about_the_same(whole, world, tmp_path):
    path, _ = whole
    run = make(tmp_path / "run", world, precision="bf16", sample_every=8)
    train(run.path)
    losses = [[line["loss"] for line in curves(folder)] for folder in (run.path, path)]
    assert np.abs(np.subtract(*losses)).mean() < 0.05
    assert losses[0] != losses[1]
    assert all(tensor.dtype == torch.float32 for tensor in adapter(run.path).values())


def test_two_processes_learn_what_one_does(world, tmp_path):
    """Started as `accelerate launch` starts them, which is by these variables."""
    settings = {"steps": 4, "batch_size": 2, "pairs_per_step": 5, "sample_every": 4}
    run, one = make(tmp_path / "two", world, **settings), make(tmp_path / "one", world, **settings)
    train(one.path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    children = []
    for rank in (0, 1):
        if (child := os.fork()) == 0:
            os.environ |= {
                "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2",
                "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true",
            }  # fmt: skip
            PartialState._reset_state()
            heard: list[Metrics] = []
            try:
                train(run.path, on_metrics=heard.append)
                os._exit(0 if len(heard) == (4 if rank == 0 else 0) else 2)
            finally:
                os._exit(1)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
    assert close(adapter(run.path), adapter(one.path))
    losses = [[line["loss"] for line in curves(folder)] for folder in (run.path, one.path)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)
    assert len(list((run.path / "samples").iterdir())) == 2


def test_the_command_goes_on_where_a_run_stands_and_says_what_is_wrong(world, tmp_path, monkeypatch, capsys):
    run = make(tmp_path / "run", world, steps=2, sample_every=0)
    monkeypatch.setattr(sys, "argv", ["training", str(run.path)])
    assert command() == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in said[:2]] == ["1", "2"]
    assert said[2] == "finished after 2 steps"
    monkeypatch.setattr(sys, "argv", ["training", str(tmp_path)])
    assert command() == 1
    assert "run.json is missing" in capsys.readouterr().err


def test_a_loss_that_is_no_number_stops_the_run(world, tmp_path, monkeypatch):
    def broken(policy, batch, **options):
        found = real(policy, batch, **options)
        return type(found)(**(vars(found) | {"loss": found.loss * float("nan")}))

    real = session.pair_loss
    monkeypatch.setattr(session, "pair_loss", broken)
    make(tmp_path / "run", world, sample_every=0)
    with pytest.raises(TrainingError, match="no finite number") as caught:
        train(tmp_path / "run")
    assert caught.value.code == "diverged"


def test_every_pair_comes_once_an_epoch_and_noise_is_its_own():
    order = [pair_at(position, 7, seed=3) for position in range(21)]
    assert [sorted(order[start : start + 7]) for start in (0, 7, 14)] == [list(range(7))] * 3
    assert order[:7] != order[7:14]
    noise, step = noise_at(5, (2, 3), 1000, seed=0)
    again, same_step = noise_at(5, (2, 3), 1000, seed=0)
    assert torch.equal(noise, again)
    assert step == same_step
    drawn = [noise_at(position, (4, 8), 1000, seed=0) for position in range(400)]
    values = torch.stack([noise for noise, _ in drawn])
    assert abs(values.mean().item()) < 0.03
    assert abs(values.std().item() - 1) < 0.03
    assert abs(np.mean([step for _, step in drawn]) - 500) < 60


def test_what_cannot_be_trained_is_refused_before_anything_is_loaded(world, tmp_path):
    pipeline, pairs, _ = world
    attempts = [
        ([], "no_pairs", DataError),
        ([pair for pair in pairs if pair.held_out], "no_pairs", DataError),
        ([TrainingPair(" ", pairs[0].winner, pairs[0].loser)], "no_prompt", DataError),
        ([TrainingPair("a", pairs[0].winner, pairs[0].winner)], "same_file", DataError),
        ([TrainingPair("a", pairs[0].winner, tmp_path / "gone.png")], "missing_media", DataError),
        ([pairs[0], TrainingPair(PROMPTS[0], pairs[1].winner, pairs[1].loser, True)], "held_out_trained", DataError),
    ]
    for given, code, kind in attempts:
        with pytest.raises(kind) as caught:
            prepare(tmp_path / "run", pipeline=pipeline, pairs=given, settings=SETTINGS)
        assert caught.value.code == code
    with pytest.raises(TrainingError, match="model_index"):
        prepare(tmp_path / "run", pipeline=tmp_path, pairs=pairs, settings=SETTINGS)
    assert not (tmp_path / "run").exists()


def test_a_folder_keeps_its_run_and_a_pipeline_its_weights(world, tmp_path):
    run = make(tmp_path / "run", world)
    assert make(tmp_path / "run", world).fingerprint == run.fingerprint  # the same again is no harm
    with pytest.raises(ArtifactError, match="another run"):
        make(tmp_path / "run", world, beta=1.0)
    content = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps(content | {"pipeline_fingerprint": "0" * 64}))
    with pytest.raises(TrainingError, match="changed since"):
        train(run.path)


@pytest.mark.parametrize(
    "change",
    [{"steps": 0}, {"beta": 0.0}, {"precision": "fp8"}, {"rank": "large"}, {"stepps": 3}, {"warmup_steps": -1}],
)
def test_settings_that_make_no_sense_are_named(change):
    with pytest.raises(TrainingError, match=next(iter(change))):
        Settings.from_dict(change)


def test_every_family_has_defaults_that_are_settings():
    for name in policies.FAMILIES:
        assert Settings.for_family(name, steps=5).steps == 5
    assert Settings.for_family("FluxPipeline", beta=7).beta == 7.0
