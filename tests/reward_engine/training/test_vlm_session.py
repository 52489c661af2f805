"""A training in a folder: as a process, as two, canceled, killed; it ends where an unbroken one ends."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.models import Size, build
from reward_engine.errors import ArtifactError
from reward_engine.judges.vlm import VLMJudge
from reward_engine.training.vlm import TrainSettings, session, train_vlm
from tests.reward_engine.judges.vlm.planted import color_checklist, colored

ROOT = Path(__file__).parents[3]
SETTINGS = {
    "learning_rate": 3e-3, "epochs": 100, "max_steps": 10, "batch_size": 4, "accumulate": 1, "rank": 4,
    "targets": "all", "evaluate_every": 5, "checkpoint_every": 2, "validation_share": 0.25, "patience": 9,
}  # fmt: skip
ENV = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return build("llava", tmp_path_factory.mktemp("base") / "llava", Size(spread=0.25))


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    return colored(tmp_path_factory.mktemp("planted"), 24)


def prepared(folder, base, planted, **changes):
    items, levels, groups = planted
    session.prepare(
        folder, base=str(base), checklist=color_checklist(), items=items, levels=levels, groups=np.array(groups),
        settings=SETTINGS | changes, options={}, snapshot="s-1",
    )  # fmt: skip
    return folder


def started(folder, **env):
    command = [sys.executable, "-m", "reward_engine.training.vlm.session", str(folder)]
    return subprocess.Popen(command, cwd=ROOT, env=ENV | env, stderr=subprocess.PIPE, text=True)


def wait_for(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def whole(base, planted, tmp_path_factory):
    folder = prepared(tmp_path_factory.mktemp("whole"), base, planted)
    return folder, session.run(folder)


def test_a_session_leaves_an_adapter_and_what_it_said_of_held_out_items(whole):
    folder, outcome = whole
    assert outcome.state == "finished"
    assert session.read_outcome(folder) == outcome
    p_yes = session.read_p_yes(folder)
    assert p_yes.shape == (len(outcome.held_out), 2)
    assert outcome.seconds_per_item > 0
    assert outcome.memory_bytes > 1 << 20
    judge = VLMJudge.load(folder / session.ADAPTER)
    items = {item.key: item for item in session._items(folder)}
    found = judge.predict([items[key] for key in outcome.held_out])
    np.testing.assert_allclose(found.p_yes, p_yes, atol=1e-4)  # merged weights round differently
    status = session.read_status(folder)
    assert status["stage"] == "Measuring on held-out prompts"
    assert status["item"] in items


def test_a_killed_process_goes_on_and_ends_bit_for_bit_like_an_unbroken_one(whole, base, planted, tmp_path):
    reference, expected = whole
    folder = prepared(tmp_path / "parts", base, planted)
    first = started(folder)
    log = folder / "adapter.training" / "log.jsonl"
    wait_for(lambda: log.exists() and '"step": 5' in log.read_text())
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert session.read_outcome(folder) is None
    second = started(folder)
    assert second.wait(90) == 0, second.stderr.read()
    outcome = session.read_outcome(folder)
    assert outcome.metrics == expected.metrics
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        assert (folder / "adapter" / name).read_bytes() == (reference / "adapter" / name).read_bytes()
    np.testing.assert_array_equal(session.read_p_yes(folder), session.read_p_yes(reference))
    assert log.read_text() == (reference / "adapter.training" / "log.jsonl").read_text()


def test_it_stops_when_asked_and_ends_when_its_starter_is_gone(whole, base, planted, tmp_path):
    folder = prepared(tmp_path / "asked", base, planted, max_steps=4000, evaluate_every=5000)
    running = started(folder)
    wait_for(lambda: session.read_status(folder).get("stage") == "Training")
    (folder / session.CANCEL).touch()
    assert running.wait(60) == 0
    assert session.read_outcome(folder).state == "canceled"
    assert list((folder / "adapter.training").glob("step-*"))

    starter = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    (folder / session.CANCEL).unlink()
    orphan = started(folder, **{session.PARENT: str(starter.pid)})
    wait_for(lambda: session.read_status(folder).get("stage") == "Training")
    starter.kill()
    starter.wait()
    assert orphan.wait(30) == 1


def test_two_processes_share_a_session(base, planted, tmp_path):
    folder = prepared(tmp_path / "two", base, planted, max_steps=2, batch_size=2, dropout=0.0, balance=False)
    launched = subprocess.run(
        [
            sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes=2", "--num_machines=1",
            "--main_process_port=0", "--mixed_precision=no", "--dynamo_backend=no",
            "--module", "reward_engine.training.vlm.session", str(folder),
        ],
        cwd=ROOT, env=ENV, capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip
    assert launched.returncode == 0, launched.stderr
    outcome = session.read_outcome(folder)
    assert (outcome.state, outcome.processes) == ("finished", 2)
    alone = prepared(tmp_path / "one", base, planted, max_steps=2, batch_size=4, dropout=0.0, balance=False)
    session.run(alone)

    def losses(place):
        lines = (place / "adapter.training" / "log.jsonl").read_text().rstrip("\n").split("\n")
        return [line["train/loss"] for line in map(json.loads, lines) if "train/loss" in line]

    assert losses(folder) == pytest.approx(losses(alone), abs=1e-4)


def test_a_failure_is_reported_in_words(base, planted, tmp_path):
    folder = prepared(tmp_path / "wild", base, planted, learning_rate=1e30, clip=1e30, warmup=0.0)
    running = started(folder)
    assert running.wait(60) == 1
    outcome = session.read_outcome(folder)
    assert (outcome.state, outcome.code) == ("failed", "diverged")
    assert "Lower the learning rate" in outcome.message


def test_a_training_goes_on_from_an_adapter(whole, base, planted, tmp_path):
    folder, _ = whole
    items, levels, groups = planted
    settings = TrainSettings(**SETTINGS | {"max_steps": 3, "rank": 2})
    further = train_vlm(
        base, color_checklist(), items, levels, groups, out=tmp_path / "further", settings=settings,
        start=folder / "adapter",
    )  # fmt: skip
    scratch = train_vlm(base, color_checklist(), items, levels, groups, out=tmp_path / "scratch", settings=settings)
    assert further.losses[0][1] < scratch.losses[0][1]
    config = json.loads((tmp_path / "further" / "adapter_config.json").read_text())
    assert config["r"] == 4  # the adapter's own rank
    other = build("llava", tmp_path / "other", Size(spread=0.2), seed=5)
    with pytest.raises(ArtifactError, match="another model"):
        train_vlm(
            other, color_checklist(), items, levels, groups, out=tmp_path / "no", settings=settings,
            start=folder / "adapter",
        )  # fmt: skip
