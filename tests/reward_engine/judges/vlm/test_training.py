"""LoRA fine-tuning: it learns a planted rule, in packed passes that are exact, and goes on after a kill."""

import itertools
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from reward_engine.checklist import builtin, dumps
from reward_engine.cli import tables
from reward_engine.errors import ArtifactError, TrainingError
from reward_engine.judges.vlm import VLMJudge, passes
from reward_engine.judges.vlm.adapter import shifted
from reward_engine.training.vlm import TrainSettings, train_vlm
from reward_engine.training.vlm.data import Order, prepare
from reward_engine.training.vlm.loop import rate
from reward_engine.training.vlm.model import PackedAnswers
from tests.reward_engine.judges.vlm.media import QUESTIONS
from tests.reward_engine.judges.vlm.planted import color_checklist, colored

QUICK = TrainSettings(
    learning_rate=3e-3, epochs=100, max_steps=24, batch_size=6, accumulate=1, rank=8, targets="all", dropout=0.1,
    evaluate_every=8, checkpoint_every=3, validation_share=0.25, patience=9,
)  # fmt: skip


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    return colored(tmp_path_factory.mktemp("planted"), 64)


@pytest.fixture(scope="module")
def trained(model_folder, planted, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "adapter"
    seen = []
    result = train_vlm(
        model_folder("llava"), color_checklist(), *planted, out=out, settings=QUICK, snapshot="snapshot-9",
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    return result, seen


def test_the_loss_falls_and_a_planted_rule_is_learned(trained):
    result, seen = trained
    losses = [loss for _, loss in result.losses]
    assert len(losses) == 24
    assert np.mean(losses[-4:]) < 0.25 * np.mean(losses[:4])
    overall = result.metrics["overall"]
    assert overall["accuracy"] > 0.95
    assert overall["log_loss"] < 0.5 * overall["baseline_log_loss"]
    assert seen[-1] == (24, 24)
    work = result.folder.with_name("adapter.training")
    lines = [json.loads(line) for line in (work / "log.jsonl").read_text().rstrip("\n").split("\n")]
    assert [line["step"] for line in lines if "validation/loss" in line] == [8, 16, 24]
    assert list(work.glob("events.out.tfevents.*"))
    assert not [path for path in work.rglob("*") if path.suffix in (".bin", ".pt", ".pkl", ".pth")]


def test_the_adapter_is_a_judge(trained, planted, model_folder):
    result, _ = trained
    items, levels, _ = planted
    judge = VLMJudge.load(result.folder)
    found = judge.predict(items)
    assert ((found.p_yes > 0.5) == (levels > 0)).mean() > 0.95
    assert judge.record["snapshot"] == "snapshot-9"
    assert judge.record["settings"]["rank"] == 8
    assert judge.version != VLMJudge.load(model_folder("llava"), checklist=color_checklist()).version
    # What was measured in training is what the merged model says.
    rows = prepare(color_checklist(), *planted, QUICK.validation_share, QUICK.seed)[0].test
    assert (((found.p_yes[rows] > 0.5) == (levels[rows] > 0)).mean(axis=0).mean()) == pytest.approx(
        result.metrics["overall"]["accuracy"]
    )


def test_adapters_are_refused_where_anything_is_not_as_written(trained, model_folder, tmp_path):
    folder = trained[0].folder

    def changed(change):
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        copy = shutil.copytree(folder, tmp_path / "copy")
        change(copy)
        return copy

    def manifest(copy, **changes):
        path = copy / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    weights = "adapter_model.safetensors"
    for change, code in (
        (lambda copy: (copy / weights).write_bytes((copy / weights).read_bytes()[:-4] + b"\0\0\0\1"), "checksum"),
        (lambda copy: (copy / weights).unlink(), "missing"),
        (lambda copy: (copy / "adapter_config.json").write_text("{}"), "checksum"),
        (lambda copy: manifest(copy, kind="probe"), "kind"),
        (lambda copy: manifest(copy, checklist={"yaml": "id: x"}), "manifest"),
        (lambda copy: (copy / "manifest.json").write_text("{"), "manifest"),
    ):
        with pytest.raises(ArtifactError) as refused:
            VLMJudge.load(changed(change))
        assert refused.value.code == code
    with pytest.raises(ArtifactError, match="Train a model for this checklist"):
        VLMJudge.load(folder, checklist=builtin("image"))
    with pytest.raises(ArtifactError, match="another model"):
        VLMJudge.load(folder, base=model_folder("qwen2_vl"))
    moved = shutil.copytree(model_folder("llava"), tmp_path / "moved")
    assert VLMJudge.load(folder, base=moved).version == VLMJudge.load(folder).version


def test_a_killed_training_goes_on_with_the_same_losses(model_folder, planted, tmp_path, monkeypatch):
    from reward_engine.training.vlm import loop

    settings = replace(QUICK, max_steps=10, evaluate_every=4)
    arguments = (model_folder("llava"), color_checklist(), *planted)
    whole = train_vlm(*arguments, out=tmp_path / "whole", settings=settings)

    original = loop._Run._step

    def killed(self, step):
        if step == 7:
            raise KeyboardInterrupt
        return original(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(loop._Run, "_step", killed)
        with pytest.raises(KeyboardInterrupt):
            train_vlm(*arguments, out=tmp_path / "parts", settings=settings)
    assert not (tmp_path / "parts").exists()
    with pytest.raises(TrainingError, match="canceled"):  # once more stopped, in the orderly way
        train_vlm(*arguments, out=tmp_path / "parts", settings=settings, canceled=iter([False, True]).__next__)
    parts = train_vlm(*arguments, out=tmp_path / "parts", settings=settings)
    assert parts.losses == whole.losses
    assert parts.metrics == whole.metrics
    lines = (tmp_path / "parts.training" / "log.jsonl").read_text()
    assert lines == (tmp_path / "whole.training" / "log.jsonl").read_text()

    other = replace(settings, learning_rate=1e-3)
    (tmp_path / "parts").rename(tmp_path / "done")
    with pytest.raises(ArtifactError, match="other settings"):
        train_vlm(*arguments, out=tmp_path / "parts", settings=other)
    with pytest.raises(TrainingError, match="something already"):
        train_vlm(*arguments, out=tmp_path / "done", settings=settings)


def test_accelerate_launch_divides_the_work_and_learns_the_same(model_folder, planted, tmp_path):
    """Two real processes, as documented for several GPUs; here they talk through gloo."""
    items, levels, groups = (part[:16] for part in planted)
    checklist = color_checklist()
    (tmp_path / "colors.yaml").write_text(dumps(checklist))
    rows = [
        {"path": str(item.path), "key": item.key, "prompt": item.prompt, "bright": int(bright), "red": int(red)}
        for item, (bright, red) in zip(items, levels, strict=True)
    ]
    tables.write(tmp_path / "judgments.csv", rows)
    settings = {"rank": 4, "dropout": 0.0, "learning_rate": 3e-3, "epochs": 9.0, "max_steps": 3, "accumulate": 1}
    options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    launched = subprocess.run(
        [
            sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes=2", "--num_machines=1",
            "--main_process_port=0", "--mixed_precision=no", "--dynamo_backend=no",
            "-m", "reward_engine", "train", tmp_path / "judgments.csv", "--model", model_folder("llava"),
            "--checklist", tmp_path / "colors.yaml", "--out", tmp_path / "two", "--batch-size=2", "--no-balance",
            *options,
        ],
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        cwd=Path(__file__).parents[4], capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert launched.returncode == 0, launched.stderr
    assert launched.stderr.count("Held-out prompts") == 1  # one of them reports
    alone = train_vlm(
        model_folder("llava"), checklist, items, levels, groups, out=tmp_path / "one",
        settings=TrainSettings(**settings, batch_size=4, balance=False),
    )  # fmt: skip
    log = [json.loads(line) for line in (tmp_path / "two.training" / "log.jsonl").read_text().rstrip("\n").split("\n")]
    losses = [line["train/loss"] for line in log if "train/loss" in line]
    assert losses == pytest.approx([loss for _, loss in alone.losses], abs=1e-4)
    assert losses[2] < losses[0]
    judge = VLMJudge.load(tmp_path / "two")
    np.testing.assert_allclose(
        judge.predict(items[:3]).p_yes, VLMJudge.load(alone.folder).predict(items[:3]).p_yes, atol=1e-3
    )


@pytest.mark.parametrize("family", ["llava", "qwen3_vl", "qwen3_5"])
@pytest.mark.parametrize("recompute", [False, True])
def test_packed_gradients_are_those_of_questions_asked_one_by_one(family, recompute, model_folder, images):
    settings = TrainSettings(rank=4, dropout=0.0, targets="all", gradient_checkpointing=recompute)
    judge = VLMJudge.load(model_folder(family), checklist=color_checklist())
    encoded = [judge.encoder.encode(item, QUESTIONS) for item in images[:2]]
    encoded[1] = replace(encoded[1], questions=encoded[1].questions[1:3])  # as many as were drawn
    model = PackedAnswers(judge.backbone, settings)
    torch.manual_seed(1)
    for name, weight in model.learned:  # LoRA starts at zero, where half of the gradients vanish
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    model.train()

    def gradients(passes_of):
        model.zero_grad()
        total = torch.stack([odds.sigmoid().log().sum() for odds in passes_of()]).sum()
        total.backward()
        return total.item(), {name: weight.grad.clone() for name, weight in model.learned if weight.grad is not None}

    def packed():
        odds = model(encoded)
        yield from (odds[row, : len(item.questions)] for row, item in enumerate(encoded))

    def one_by_one():
        for item in encoded:
            for question in item.questions:
                yield model([replace(item, questions=(question,))])[0, :1]

    loss, found = gradients(packed)
    expected_loss, expected = gradients(one_by_one)
    assert loss == pytest.approx(expected_loss, abs=1e-4)
    assert found.keys() == expected.keys()
    assert max(gradient.abs().max() for gradient in expected.values()) > 1e-3
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-4)
    with torch.inference_mode():
        alone = passes.loop(model._backbone, encoded[:1])
        torch.testing.assert_close(model.eval()(encoded[:1]), alone, rtol=0, atol=1e-4)


def test_rare_answers_are_not_drowned(tmp_path):
    items, levels, groups = colored(tmp_path, 120, rare=0.1)
    data, _ = prepare(color_checklist(), items, levels, groups, 0.2, 0)
    order = Order(data, seed=3, balance=True, least=0.01)
    drawn = {(question, answer): 0 for question in (0, 1) for answer in (-1, 1)}
    for epoch in range(40):
        for row in order.epoch(epoch):
            for question in order.questions(int(row), epoch):
                drawn[int(question), int(data.answers[row, question])] += 1
    rare, frequent = drawn[1, 1], drawn[1, -1]
    there = (data.answers[data.train][:, 1] == 1).sum()
    assert rare == 40 * there  # every rare answer, every time
    assert frequent < 2.5 * rare  # nine times as many are there
    assert (order.epoch(5) == order.epoch(5)).all()
    assert not (order.epoch(5) == order.epoch(6)).all()
    assert set(order.epoch(7)) == set(data.train)
    # Held-out answers weigh as much as they would be drawn: rare and frequent ones count the same together.
    weighed = {
        answer: sum(order.weights(row)[1] for row in data.train if data.answers[row, 1] == answer) for answer in (1, -1)
    }
    assert weighed[1] == there
    assert weighed[-1] == pytest.approx(there, rel=0.3)
    # What undoes the balance: a constant answer of a half becomes the share of yes in the data.
    share = data.shares[1]
    assert shifted(np.full(len(order.offsets), 0.5), order.offsets)[1] == pytest.approx(share)
    everything = Order(data, seed=3, balance=False, least=0.1)
    assert not everything.offsets.any()
    assert (everything.weights(0) == 1).all()
    assert (everything.questions(0, 0) == np.flatnonzero(data.answers[0])).all()
    prompts = np.array(groups)
    assert not set(prompts[data.train]) & set(prompts[data.test])


def test_it_stops_early_and_keeps_the_best_weights(model_folder, planted, tmp_path):
    settings = replace(QUICK, max_steps=40, evaluate_every=2, patience=2, learning_rate=1.0, clip=100.0)
    result = train_vlm(model_folder("llava"), color_checklist(), *planted, out=tmp_path / "wild", settings=settings)
    assert len(result.losses) < 40
    log = (tmp_path / "wild.training" / "log.jsonl").read_text().rstrip("\n").split("\n")
    seen = [line["validation/loss"] for line in map(json.loads, log) if "validation/loss" in line]
    assert result.metrics["validation"]["loss"] == min(seen)
    assert seen.index(min(seen)) == len(seen) - 3


def test_unusable_items_are_left_out_and_named(model_folder, planted, tmp_path):
    items, levels, groups = planted
    (tmp_path / "torn.png").write_bytes(b"no image")
    items = [replace(items[0], path=tmp_path / "torn.png"), replace(items[1], prompt="word " * 40_000), *items[2:]]
    settings = replace(QUICK, max_steps=8, mixed_precision="bf16", accumulate=2, evaluate_every=8)
    result = train_vlm(
        model_folder("llava"), color_checklist(), items, levels, groups, out=tmp_path / "out", settings=settings
    )
    assert set(result.errors) == {"item-0", "item-1"}
    assert np.mean([loss for _, loss in result.losses[-3:]]) < np.mean([loss for _, loss in result.losses[:3]])


def test_what_cannot_be_trained_is_said(model_folder, planted, tmp_path):
    items, levels, groups = planted
    few = (items[:4], levels[:4], groups[:4])
    with pytest.raises(TrainingError, match="needs at least 4 prompts"):
        train_vlm(model_folder("llava"), color_checklist(), *few, out=tmp_path / "few")
    with pytest.raises(TrainingError, match="as many"):
        train_vlm(model_folder("llava"), color_checklist(), items, levels[:5], groups, out=tmp_path / "shape")
    wild = replace(QUICK, learning_rate=1e30, clip=1e30, warmup=0.0)
    with pytest.raises(TrainingError, match="loss is"):
        train_vlm(model_folder("llava"), color_checklist(), *planted, out=tmp_path / "wild", settings=wild)
    for wrong in ({"rank": 0}, {"learning_rate": 0.0}, {"validation_share": 1.0}, {"mixed_precision": "fp8"}):
        with pytest.raises(TrainingError):
            TrainSettings(**wrong)


def test_the_learning_rate_rises_and_falls():
    rates = [rate(step, 100, 0.1) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == 1.0
    assert all(later <= earlier for earlier, later in itertools.pairwise(rates[10:]))
    assert rates[-1] == pytest.approx(0.05, abs=0.01)
