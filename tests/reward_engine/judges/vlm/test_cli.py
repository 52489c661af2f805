"""The command line: files in, files out, from media to pairs and from judgments to a report."""

import csv
import io
import json
import runpy
import sys
from dataclasses import replace

import numpy as np
import pytest

from reward_engine.checklist import builtin
from reward_engine.cli import main, predictions, tables
from reward_engine.cli.progress import bar
from reward_engine.errors import DataError, WeightsError
from reward_engine.features import FeatureExtractor
from reward_engine.judges import MediaInput
from reward_engine.judges.probe import ProbeJudge
from reward_engine.mpo.training import open_run
from reward_engine.published import load_questions, load_weights
from reward_engine.reward import reward
from reward_engine.weights import Weights, equal_weights
from tests.reward_engine.judges.vlm.planted import colored
from tests.reward_engine.mpo import tiny

CHECKLIST = """
id: colors
media_type: image
name: Colors
version: 1
dimensions:
  - id: light
    name: Light
    sub_dimensions:
      - id: bright
        name: Brightness
        description: How bright it is.
        published: brightness
        levels:
          - {score: 0, name: dark, guidance: It is dark.}
          - {score: 1, name: bright, guidance: It is bright., question: {id: bright_1, text: "Is the picture bright?"}}
  - id: color
    name: Color
    sub_dimensions:
      - id: red
        name: Redness
        description: How red it is.
        levels:
          - {score: 0, name: blue, guidance: It is blue.}
          - {score: 1, name: red, guidance: It is red., question: {id: red_1, text: "Is it red rather than blue?"}}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory, model_folder):
    """A folder with a checklist, a table of judgments, and an adapter trained on it by the command line."""
    folder = tmp_path_factory.mktemp("cli")
    items, levels, _ = colored(folder, 48)
    (folder / "colors.yaml").write_text(CHECKLIST)
    with (folder / "judgments.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "key", "prompt", "generator", "brightness", "red"])
        for number, (item, (bright, red)) in enumerate(zip(items, levels.tolist(), strict=True)):
            writer.writerow([item.path.name, item.key, item.prompt, "ab"[number % 2], bright, red])
    arguments = [
        "train", folder / "judgments.csv", "--model", model_folder("llava"), "--checklist", folder / "colors.yaml",
        "--out", folder / "adapter", "--max-steps", 20, "--epochs", 100, "--batch-size", 6, "--accumulate", 1,
        "--learning-rate", 3e-3, "--targets", "all", "--evaluate-every", 10, "--rank", 8, "--validation-share", 0.3,
    ]  # fmt: skip
    assert run(arguments) == 0
    return folder


def run(arguments):
    return main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def judged(data):
    assert run(["judge", data / "judgments.csv", "--model", data / "adapter", "--out", data / "own.parquet"]) == 0
    return data / "own.parquet"


def test_judge_score_pairs(data, judged, capsys):
    stored = predictions.read(judged)
    assert len(stored.keys) == 48
    assert stored.judge.startswith("vlm ")
    assert run(["score", judged, "--out", data / "scores.csv"]) == 0
    rows, _ = tables.read(data / "scores.csv")
    for row in rows:
        parts = float(row["dimension:light"]) + float(row["dimension:color"])
        assert parts == pytest.approx(float(row["reward"]))
    assert "cost the most" in rows[0]["explanation"] + rows[1]["explanation"] + rows[2]["explanation"]
    assert run(["pairs", data / "scores.csv", "--soft", "--out", data / "pairs.jsonl"]) == 0
    reward = {row["key"]: row for row in rows}
    pairs, _ = tables.read(data / "pairs.jsonl")
    assert pairs
    for pair in pairs:
        winner, loser = reward[pair["winner"]], reward[pair["loser"]]
        assert winner["prompt_id"] == loser["prompt_id"] == pair["prompt_id"]
        assert float(winner["dimension:light"]) >= float(loser["dimension:light"])
        assert float(winner["dimension:color"]) >= float(loser["dimension:color"])
    weights = equal_weights(stored.checklist)
    weights.save(data / "weights.json", stored.checklist)
    assert run(["score", judged, "--weights", data / "weights.json", "--hard", "--out", data / "hard.parquet"]) == 0
    hard, about = tables.read(data / "hard.parquet")
    assert {row["reward"] for row in hard} <= {-1.0, 0.0, 1.0}
    assert about["weights"]["form"] == "equal"
    assert "48 items scored" in capsys.readouterr().err


@pytest.fixture(scope="module")
def preferences(data):
    """Of each prompt's two pictures, the one with the higher levels is preferred."""
    rows, _ = tables.read(data / "judgments.csv")
    levels = {row["key"]: int(row["brightness"]) + int(row["red"]) for row in rows}
    keys = list(levels)
    pairs = []
    for a, b in zip(keys[::2], keys[1::2], strict=True):
        gap = levels[a] - levels[b]
        pairs.append({"a": a, "b": b, "answer": "A" if gap > 0 else "B" if gap < 0 else "tie"})
    tables.write(data / "preferences.csv", pairs)
    return data / "preferences.csv"


def test_judges_are_compared_with_people_and_with_each_other(data, judged, preferences, model_folder, capsys):
    untrained = ["--model", model_folder("llava"), "--checklist", data / "colors.yaml"]
    assert run(["judge", data / "judgments.csv", *untrained, "--alignment", "--out", data / "raw.parquet"]) == 0
    assert run(["score", data / "raw.parquet", "--out", data / "raw.csv"]) == 0
    assert all(0 < float(row["alignment"]) < 1 for row in tables.read(data / "raw.csv")[0])
    arguments = ["--judgments", data / "judgments.csv", "--preferences", preferences]
    arguments += ["--baselines", "--cache", data / "cache"]
    assert run(["evaluate", judged, data / "raw.parquet", *arguments, "--out", data / "report"]) == 0
    printed = capsys.readouterr().out
    assert "Brightness" in printed
    assert printed.count("own over raw") == 2  # in answers, and in the order of pairs
    assert "wins with people" in printed
    report = json.loads((data / "report" / "report.json").read_text())
    assert report["levels"]["own"]["overall"]["accuracy"] > 0.95
    preferred = report["preferences"]
    assert preferred["judges"]["own"]["diff"] > preferred["judges"]["raw"]["diff"]
    assert report["answers"]["judges"]["own"] > 0.95
    assert report["answers"]["differences"][0]["p_adjusted"] < 0.05
    assert set(preferred["by_dimension"]["own"]) == {"light", "color"}
    effects = {one["dimension"]: one for one in preferred["effects"]["own"]}
    assert set(effects) == {"light", "color"}
    assert all(abs(one["accuracy"] - one["without"] - one["difference"]) < 1e-9 for one in effects.values())
    beside = report["beside_baselines"]["bright"]
    assert list(beside) == ["own", "raw", "majority", "sharpness", "bitrate", "ridge"]
    assert beside["own"]["ordered"] > 0.95
    assert beside["majority"]["ordered"] == 0.5
    assert beside["ridge"]["ordered"] > 0.5
    wins = [one["human_wins"] for one in preferred["by_generator"]["own"].values()]
    assert list(preferred["by_generator"]["own"]) == ["a", "b"]
    assert sum(wins) == pytest.approx(1.0)
    assert {path.name for path in (data / "report").glob("*.png")} == {
        "own-agreement.png", "own-reliability.png", "raw-agreement.png", "raw-reliability.png", "preferences.png",
    }  # fmt: skip


def test_weights_and_calibration_are_learned_and_used(data, judged, preferences, capsys):
    fit = ["--preferences", preferences, "--resamples", 20, "--report", data / "fit.json"]
    assert run(["weights", judged, *fit, "--out", data / "learned.json"]) == 0
    said = capsys.readouterr()
    assert "bright_1" in said.out
    assert "Warning: There are" in said.err  # a dozen pairs are few
    report = json.loads((data / "fit.json").read_text())
    assert (
        report["intervals"]["red_1"]["low"]
        <= report["weights"]["coef"]["red_1"]
        <= report["intervals"]["red_1"]["high"]
    )
    assert run(["calibrate", judged, "--judgments", data / "judgments.csv", "--out", data / "calibration.json"]) == 0
    assert "expected calibration error" in capsys.readouterr().err
    ways = {"plain": [], "calibrated": ["--calibration", data / "calibration.json"]}
    rewards = {}
    for name, more in ways.items():
        arguments = ["--weights", data / "learned.json", *more, "--out", data / f"{name}.csv"]
        assert run(["score", judged, *arguments]) == 0
        rewards[name] = [float(row["reward"]) for row in tables.read(data / f"{name}.csv")[0]]
    assert rewards["plain"] != rewards["calibrated"]


def test_the_embedded_judge_is_trained_and_asked_the_same_way(data, capsys):
    few, _ = tables.read(data / "judgments.csv")
    tables.write(data / "few.csv", few[:10])
    train = ["--model", "probe", "--checklist", data / "colors.yaml", "--cache", data / "cache"]
    assert run(["train", data / "few.csv", *train, "--out", data / "probe"]) == 0
    assert "Held-out prompts" in capsys.readouterr().err
    assert run(["judge", data / "few.csv", "--model", data / "probe", "--out", data / "probe.parquet"]) == 0
    assert predictions.read(data / "probe.parquet").judge.startswith("probe ")
    # Ten judgments are too few for a head of their own; what a judge of all of them found is tried beside.
    assert run(["train", data / "judgments.csv", *train, "--out", data / "whole"]) == 0
    assert run(["train", data / "few.csv", *train, "--prior", data / "whole", "--out", data / "on-prior"]) == 0
    heads = ProbeJudge.load(data / "on-prior").metrics["heads"].values()
    assert any("prior" in head.get("tried", {}) for head in heads)
    assert run(["train", data / "few.csv", *train, "--prior", data / "nowhere", "--out", data / "never"]) == 1
    capsys.readouterr()
    asked = ["judge", data / "few.csv", "--model", data / "probe", "--alignment", "--out", data / "no.parquet"]
    assert run(asked) == 1
    assert "vision-language" in capsys.readouterr().err


def test_hard_scores_explain_the_hard_reward(data, judged):
    assert run(["score", judged, "--hard", "--out", data / "explained.csv"]) == 0
    for row in tables.read(data / "explained.csv")[0]:
        assert f"The reward is {float(row['reward']):.2f}" in row["explanation"]


def test_items_that_fail_are_reported_by_the_exit_status(data, capsys):
    rows, _ = tables.read(data / "judgments.csv")
    tables.write(data / "torn.csv", [*rows[:2], {**rows[2], "path": "nowhere.png"}, {**rows[3], "path": "no.png"}])
    judge = ["judge", data / "torn.csv", "--model", data / "adapter", "--out", data / "torn.parquet"]
    assert run(judge) == 3
    said = capsys.readouterr().err
    assert "2 of 4 items could not be judged" in said
    assert "nowhere.png" in said
    assert len(predictions.read(data / "torn.parquet").keys) == 2


def test_clips_are_not_judged_with_a_checklist_for_images(data, judge_of, clips, images):
    judge = replace(judge_of("llava"), checklist=builtin("image"))
    seen = []
    found = judge.predict([clips[0], images[0]], progress=lambda done, total: seen.append((done, total)))
    assert found.keys == (images[0].key,)
    assert "this is a video, and the checklist is for images" in found.errors[clips[0].key]
    assert seen[-1] == (2, 2)
    assert set(judge.alignment([clips[0], images[0]]).errors) == {clips[0].key}
    probe = FeatureExtractor("image").extract([clips[0]])
    assert "this is a video, and the checklist is for images" in probe.errors[clips[0].key]


def test_a_path_may_be_a_text(images, data):
    item = MediaInput("text", "image", str(images[0].path))
    assert item == MediaInput("text", "image", images[0].path)
    assert not FeatureExtractor("image", cache_dir=str(data / "cache")).extract([item]).errors


def test_published_files_are_a_checklist_with_its_weights(shared, data, model_folder, capsys):
    """The published questions in the published words, and the published reward of hard answers and alignment."""
    published = shared / "reference" / "visionreward"
    rows, _ = tables.read(data / "judgments.csv")
    tables.write(data / "two.csv", rows[:2])
    judge = ["judge", data / "two.csv", "--model", model_folder("llava"), "--wording", "published"]
    judge += ["--checklist", published / "image_questions_select.txt", "--out", data / "published.parquet"]
    weights = ["--weights", published / "image_weight_select.json", "--hard", "--out", data / "published.csv"]
    assert run(judge) == 0
    assert run(["score", data / "published.parquet", *weights]) == 1
    assert "judge with --alignment" in capsys.readouterr().err
    assert run([*judge, "--alignment"]) == 0
    assert run(["score", data / "published.parquet", *weights]) == 0
    stored = predictions.read(data / "published.parquet")
    scorer = load_weights(published / "image_weight_select.json", stored.checklist)
    assert len(stored.checklist.questions) == 30
    expected = scorer.reward(np.where(stored.p_yes >= 0.5, 1, -1), stored.alignment)
    scored = tables.read(data / "published.csv")[0]
    np.testing.assert_allclose([float(row["reward"]) for row in scored], expected)
    assert all(f"The reward is {float(row['reward']):.2f}" in row["explanation"] for row in scored)
    videos = load_questions(published / "video_questions_select.txt", "video")
    clip_scorer = load_weights(published / "video_weight_select.json", videos)
    answers = np.random.default_rng(0).choice([-1.0, 1.0], (5, len(videos.questions)))
    ours = reward(clip_scorer.masked(answers), videos, clip_scorer.weights()).reward
    np.testing.assert_allclose(ours, clip_scorer.reward(answers))
    (data / "questions.txt").write_text("Is it sharp?\n")
    assert run(["judge", data / "two.csv", "--model", model_folder("llava"), "--checklist", data / "questions.txt",
                "--out", data / "no.parquet"]) == 1  # fmt: skip
    assert "does not say whether" in capsys.readouterr().err


def test_weights_that_are_all_zero_are_refused(data, judged, capsys):
    checklist = predictions.read(judged).checklist
    nothing = Weights(np.zeros(len(checklist.questions)))
    with pytest.raises(WeightsError, match="Every weight is 0"):
        nothing.save(data / "zero.json", checklist)
    assert not (data / "zero.json").exists()
    plain = equal_weights(checklist).to_json(checklist)
    (data / "zero.json").write_text(json.dumps(plain | {"coef": dict.fromkeys(plain["coef"], 0.0)}))
    assert run(["score", judged, "--weights", data / "zero.json", "--out", data / "zero.csv"]) == 1
    assert "Every weight is 0" in capsys.readouterr().err


def test_the_embedded_judge_keeps_its_share_apart_and_is_calibrated(data, capsys):
    train = ["train", data / "judgments.csv", "--model", "probe", "--checklist", data / "colors.yaml"]
    train += ["--cache", data / "cache"]
    assert run([*train, "--validation-share", 0.5, "--out", data / "half"]) == 0
    said = capsys.readouterr().err
    assert "calibrated" in said
    judge = ProbeJudge.load(data / "half")
    assert judge.metrics["validation"]["share"] == 0.5
    assert 20 <= judge.metrics["validation"]["items"] <= 28
    assert (judge.calibration is None) == ("Not calibrated" in said)
    assert run([*train, "--no-calibration", "--out", data / "plain"]) == 0
    assert ProbeJudge.load(data / "plain").calibration is None
    assert run([*train, "--validation-share", 1.5, "--out", data / "never"]) == 1
    assert "between 0 and 1" in capsys.readouterr().err
    assert run([*train, "--rank", 8, "--out", data / "never"]) == 1
    assert "--rank is a setting for vision-language models" in capsys.readouterr().err


def test_from_mined_pairs_to_a_tuned_model(data, judged, tmp_path, capsys):
    tiny.stable_diffusion().save_pretrained(tmp_path / "pipeline")
    scores, pairs = data / "for_mpo.csv", data / "for_mpo.jsonl"
    assert run(["score", judged, "--out", scores]) == 0
    assert run(["pairs", scores, "--soft", "--out", pairs]) == 0
    rows, _ = tables.read(pairs)
    tables.write(pairs, [{**row, "prompt": "a red disc" if n else "a blue disc"} for n, row in enumerate(rows)])
    mpo = ["mpo", pairs, "--items", data / "judgments.csv", "--pipeline", tmp_path / "pipeline"]
    few = ["--steps", 2, "--pairs-per-step", 2, "--batch-size", 2, "--rank", 2, "--precision", "fp32"]
    few += ["--sample-every", 0, "--no-gradient-checkpointing", "--width", 16, "--height", 16]
    assert run([*mpo, *few, "--prepare-only", "--out", tmp_path / "run"]) == 0
    assert "reward_engine.mpo.training" in capsys.readouterr().err
    assert not (tmp_path / "run" / "lora").exists()
    assert run([*mpo, *few, "--out", tmp_path / "run"]) == 0  # what was prepared is trained
    assert list((tmp_path / "run" / "lora").glob("*.safetensors"))
    made = open_run(tmp_path / "run")
    assert len(made.pairs) == len(rows)
    assert made.settings.steps == 2
    assert made.settings.beta == 2000.0  # the family's default
    assert run([*mpo, *few, "--steps", 3, "--out", tmp_path / "run"]) == 1
    assert "another run" in capsys.readouterr().err
    tables.write(tmp_path / "others.csv", [{"path": "x.png"}])
    mpo[3] = tmp_path / "others.csv"
    assert run([*mpo, "--out", tmp_path / "never"]) == 1
    assert "is no key of others.csv" in capsys.readouterr().err
    assert run(["mpo", scores, *mpo[2:], "--out", tmp_path / "never"]) == 1
    assert "not written by the command pairs" in capsys.readouterr().err


def test_what_is_wrong_is_said_in_a_line(data, judged, tmp_path, capsys):
    model = ["--model", data / "adapter"]
    tables.write(tmp_path / "other.csv", [{"a": "x", "b": "y", "answer": "A"}])
    tables.write(tmp_path / "others.csv", [{"path": "x.png", "red": 1}])
    (tmp_path / "items.txt").write_text("a list")
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "manifest.json").write_text("{")
    for arguments, said in (
        (["judge", data / "judgments.csv", "--model", tmp_path / "no", "--out", tmp_path / "p.parquet"], "such folder"),
        (
            ["judge", data / "judgments.csv", "--model", tmp_path / "torn", "--out", tmp_path / "p.parquet"],
            "not valid JSON",
        ),
        (["judge", tmp_path / "nowhere", *model, "--out", tmp_path / "p.parquet"], "no such file or folder"),
        (["score", tmp_path / "nowhere", "--out", tmp_path / "s.csv"], "there is no such file"),
        (["pairs", tmp_path / "nowhere", "--out", tmp_path / "s.csv"], "there is no such file"),
        (["judge", tmp_path / "none.csv", *model, "--out", tmp_path / "p.parquet"], "there is no such file or folder"),
        (["judge", tmp_path / "items.txt", *model, "--out", tmp_path / "p.parquet"], "ending must be"),
        (["judge", data / "judgments.csv", *model, "--out", tmp_path / "p.csv"], ".parquet"),
        (["judge", tmp_path, *model, "--out", tmp_path / "p.parquet"], "no media"),
        (["score", data / "judgments.csv", "--out", tmp_path / "s.csv"], ".parquet"),
        (["score", judged, "--weights", tmp_path / "w.json", "--out", tmp_path / "s.csv"], "no such file"),
        (["pairs", data / "judgments.csv", "--out", tmp_path / "p.csv"], "not written by the command score"),
        (["evaluate", judged, "--out", tmp_path / "r"], "--judgments"),
        (["evaluate", judged, "--preferences", data / "judgments.csv", "--out", tmp_path / "r"], "A, B or tie"),
        (["weights", judged, "--preferences", tmp_path / "other.csv", "--out", tmp_path / "w"], "no pair has both"),
        (["calibrate", judged, "--judgments", tmp_path / "others.csv", "--out", tmp_path / "c"], "none of the items"),
    ):
        assert run(arguments) == 1
        assert said in capsys.readouterr().err
    with pytest.raises(SystemExit) as usage:
        main(["judge"])
    assert usage.value.code == 2


def test_it_is_started_with_m(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["reward_engine", "--help"])
    with pytest.raises(SystemExit) as status:
        runpy.run_module("reward_engine", run_name="__main__")
    assert status.value.code == 0
    out = capsys.readouterr().out
    assert all(command in out for command in ("judge", "score", "pairs", "train", "evaluate"))


def test_a_bar_is_drawn_where_somebody_watches(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("TERM", "xterm")
    for terminal, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", terminal)
        with bar("Judging", "items") as report:
            report(3, 5)
        assert ("Judging" in terminal.getvalue() and "3/5" in terminal.getvalue()) == shown


def test_tables_of_every_kind_come_back(tmp_path):
    rows = [{"key": "a", "value": 1.5}, {"key": "ü, “b”", "value": -2.0}]
    for ending in tables.ENDINGS:
        tables.write(tmp_path / f"t{ending}", rows, {"note": [1]})
        back, about = tables.read(tmp_path / f"t{ending}")
        assert [(row["key"], float(row["value"])) for row in back] == [("a", 1.5), ("ü, “b”", -2.0)]
    assert about == {"note": [1]}
    (tmp_path / "bad.jsonl").write_text('{"a": 1}\n[2]\n')
    with pytest.raises(DataError, match="line 2"):
        tables.read(tmp_path / "bad.jsonl")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match="cannot be read"):
        tables.read(tmp_path / "bad.parquet")
