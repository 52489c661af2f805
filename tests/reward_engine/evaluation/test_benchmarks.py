"""Benchmarks by name: their files are read as published, and scores are measured by their protocol.

All samples are of our own making, in the layouts that docs/benchmarks.md names.
"""

import csv
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageFilter

from reward_engine.checklist import loads
from reward_engine.cli import main
from reward_engine.cli.tables import write
from reward_engine.errors import DataError
from reward_engine.evaluation.benchmarks import BENCHMARKS
from reward_engine.evaluation.rankings import ranking_report
from reward_engine.features import FeatureExtractor
from reward_engine.judges.base import MediaInput
from reward_engine.judges.probe import ProbeJudge
from reward_engine.training import train_probe
from tests.reward_engine.media.clips import write_clip

ONE = """
{id: one, media_type: image, name: One, version: 1, dimensions: [{id: d, name: D, sub_dimensions: [{id: clarity,
name: Clarity, description: How clear it is., levels: [{score: 0, name: unclear, guidance: It is blurred.},
{score: 1, name: clear, guidance: It is sharp., question: {id: clarity_1, text: "Is the picture clear?"}}]}]}]}
"""


def picture(seed, sharp):
    """Noise 64 pixels wide, blurred unless it is ``sharp``."""
    pixels = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    return image if sharp else image.filter(ImageFilter.GaussianBlur(3))


def png(image):
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def load(name, folder, tmp_path):
    return BENCHMARKS[name].load(folder, tmp_path)


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    """An embedded judge that has learned to like sharp pictures."""
    folder = tmp_path_factory.mktemp("pictures")
    items, sharp, groups = [], [], []
    for number in range(12):
        path = folder / f"{number}.png"
        picture(number, number % 2).save(path)
        items.append(MediaInput(str(number), "image", path, f"prompt {number // 2}"))
        sharp.append(number % 2)
        groups.append(number // 2)
    checklist = loads(ONE)
    extractor = FeatureExtractor("image")
    features = extractor.extract(items)
    levels = np.stack([np.where(sharp, sub.highest, sub.lowest) for sub in checklist.ordinal], axis=1).astype(np.int8)
    trained = train_probe(checklist, features, levels, groups, seed=0)
    found = ProbeJudge.from_training(trained, extractor_version=extractor.version, snapshot="sharp")
    found.save(folder / "judge")
    return folder / "judge"


@pytest.fixture
def rankings(tmp_path):
    """Three prompts: four, three and two pictures, a tie in the first."""
    entries = [
        {"id": "a", "prompt": "a kite", "generations": ["a/0.webp", "a/1.webp", "a/2.webp", "a/3.webp"],
         "ranking": [1, 2, 2, 3]},
        {"id": "b", "prompt": "a wren", "generations": ["b/0.webp", "b/1.webp", "b/2.webp"], "ranking": [3, 1, 2]},
        {"id": "c", "prompt": "an owl", "generations": ["c/0.webp", "c/1.webp"], "ranking": [2, 1]},
    ]  # fmt: skip
    (tmp_path / "test.json").write_text(json.dumps(entries), encoding="utf-8")
    return tmp_path


@pytest.fixture
def votes(tmp_path):
    """Two prompts with three votes on pictures that lie within the table, and one on which both are bad."""
    rows = []
    for number, vote in enumerate(("leftvote", "rightvote", "leftvote", "bothbad_vote")):
        sides = [picture(100 + number, vote != "rightvote"), picture(200 + number, vote == "rightvote")]
        left, right = ({"bytes": png(side), "path": None} for side in sides)
        rows.append({"prompt": f"prompt {number // 2}", "left_image": left, "right_image": right,
                     "left_model": "one", "right_model": "two", "vote_type": vote})  # fmt: skip
    folder = tmp_path / "GenAI-Bench" / "image_generation"
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "test_v1-00000-of-00001.parquet")
    # The older split is published beside it and does not count.
    pq.write_table(pa.Table.from_pylist(rows[:1]), folder / "test-00000-of-00001.parquet")
    return tmp_path / "GenAI-Bench"


def test_rankings_count_with_and_without_ties():
    ranks, prompts = [1, 2, 2, 3, 1, 2], ["a"] * 4 + ["b"] * 2
    own = ranking_report([-rank for rank in ranks], ranks, prompts)
    assert (own.prompts, own.pairs, own.ties) == (2, 7, 1)
    assert own.without_ties.value == own.with_ties.value == own.kendall.value == 1.0
    turned = ranking_report(ranks, ranks, prompts)
    assert turned.without_ties.value == 0.0
    assert turned.with_ties.value == pytest.approx(1 / 7)  # calling all of them ties is right once
    same = ranking_report(np.zeros(6), ranks, prompts)
    assert same.without_ties.value == 0.0  # equal scores order nothing
    assert same.kendall is None


def test_the_command_measures_given_scores(rankings, capsys):
    rows = load("imagereward-test", rankings, rankings).rows
    assert [row.human["rank"] for row in rows if row.prompt_id == "b"] == [3, 1, 2]
    write(rankings / "scores.csv", [{"file": row.file, "score": -row.human["rank"]} for row in rows])
    out = rankings / "figures.json"
    given = ["benchmark", "imagereward-test", str(rankings), "--scores", str(rankings / "scores.csv")]
    assert main([*given, "--json", str(out)]) == 0
    found = json.loads(out.read_text())
    figures = found["figures"]
    assert (figures["items"], figures["judged"], figures["pairs"], figures["ties"]) == (9, 9, 10, 1)
    assert figures["without_ties"]["value"] == 1.0
    assert {one["method"] for one in found["published"]} >= {"ImageReward", "HPS v2"}
    said = capsys.readouterr().out
    assert "without_ties" in said
    assert "0.651" in said
    assert "github.com/tgxs002/HPSv2" in said


def test_opinion_scores_of_quality_and_alignment(tmp_path):
    rng = np.random.default_rng(0)
    with (tmp_path / "data.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["name", "prompt", "mos_quality", "mos_align"])
        lines.writerows([f"{n}.jpg", f"p{n % 5}", n / 10, rng.random()] for n in range(30))
    agiqa = BENCHMARKS["agiqa-3k"]
    found = agiqa.measure(agiqa.load(tmp_path, tmp_path), np.append(np.arange(29.0), np.nan))
    assert (found["items"], found["judged"]) == (30, 29)
    assert found["quality"]["spearman"]["value"] == pytest.approx(1.0)
    assert found["alignment"]["spearman"]["value"] < 0.5


def test_an_embedded_judge_is_measured_on_pictures_within_a_table(votes, judge, tmp_path, capsys):
    out = tmp_path / "figures.json"
    given = ["benchmark", "genai-bench-image", str(votes), "--judge", str(judge), "--json", str(out)]
    assert main([*given, "--cache", str(tmp_path / "cache"), "--save-scores", str(tmp_path / "scores.csv")]) == 0
    found = json.loads(out.read_text())
    assert found["judge"].startswith("probe")
    figures = found["figures"]
    assert (figures["judged"], figures["overall"]["pairs"], figures["overall"]["ties"]) == (8, 4, 1)
    assert figures["overall"]["prompts"] == 2
    assert figures["overall"]["without_ties"]["value"] == 1.0  # people's votes here went to the sharp ones
    assert "four_answers" in capsys.readouterr().out
    again = tmp_path / "again.json"
    assert main(["benchmark", "genai-bench-image", str(votes), "--scores", str(tmp_path / "scores.csv"),
                 "--json", str(again)]) == 0  # fmt: skip
    assert json.loads(again.read_text())["figures"] == figures


def test_a_pair_without_both_scores_is_left_out_and_counted(votes, tmp_path):
    benchmark = BENCHMARKS["genai-bench-image"]
    content = benchmark.load(votes, tmp_path)
    found = benchmark.measure(content, [1.0, 0.0, np.nan, 1.0, 0.0, 1.0, 0.0, 0.0])
    assert found["left_out"] == 1
    assert found["overall"]["pairs"] == 3
    assert found["overall"]["without_ties"]["value"] == 0.5
    assert found["overall"]["with_ties"]["value"] == pytest.approx(2 / 3)


def test_videos_of_arena_are_found_by_the_end_of_their_address(tmp_path):
    rows = [
        {
            "prompt": "a kite",
            "left_video": "https://example.org/a/clip.mp4",
            "left_model": "one",
            "right_video": "https://example.org/b/clip.mp4",
            "right_model": "two",
            "vote_type": "tievote",
        }
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "test-00000-of-00001.parquet")
    (tmp_path / "videos").mkdir()
    for model in ("one", "two"):
        (tmp_path / "videos" / f"{model}_clip.mp4").write_bytes(b"")
    content = load("genai-bench-video", tmp_path, tmp_path)
    assert [row.path.name for row in content.rows] == ["one_clip.mp4", "two_clip.mp4"]
    assert content.pairs[0].human == {"overall": 0}


def calibrated(human, gaps):
    """Accuracy with ties, the slow and obvious way: the best over all thresholds."""
    best = 0.0
    for threshold in [-1.0, *np.abs(gaps)]:
        said = np.where(np.abs(gaps) <= threshold, 0, np.sign(gaps))
        best = max(best, float((said == human).mean()))
    return best


def test_pairs_of_clips_in_each_dimension(tmp_path):
    rng = np.random.default_rng(3)
    names, rows = ("Overall", "VQ", "MQ", "TA"), []
    for number in range(60):
        first, second = rng.choice(6, 2, replace=False)
        rows.append({"path_A": f"videos/{number % 12}_{first}.mp4", "path_B": f"videos/{number % 12}_{second}.mp4",
                     "A_model": "one", "B_model": "two", "prompt": f"p{number % 12}",
                     **{name: str(rng.choice(["A", "B", "same"])) for name in names}})  # fmt: skip
    with (tmp_path / "videogen-rewardbench.csv").open("w", newline="") as file:
        lines = csv.DictWriter(file, list(rows[0]))
        lines.writeheader()
        lines.writerows(rows)
    benchmark = BENCHMARKS["videogen-rewardbench"]
    content = benchmark.load(tmp_path, tmp_path)
    assert len(content.rows) == len({path for row in rows for path in (row["path_A"], row["path_B"])})
    scores = rng.random(len(content.rows))
    by_file = {row.file: score for row, score in zip(content.rows, scores, strict=True)}
    found = benchmark.measure(content, scores)
    gaps = np.array([by_file[row["path_A"]] - by_file[row["path_B"]] for row in rows])
    for name in names:
        human = np.array([{"A": 1, "B": -1, "same": 0}[row[name]] for row in rows])
        assert found[name]["with_ties"]["value"] == pytest.approx(calibrated(human, gaps))
        strict = human != 0
        assert found[name]["without_ties"]["value"] == pytest.approx((np.sign(gaps) == human)[strict].mean())
        assert found[name]["with_ties"]["low"] <= found[name]["with_ties"]["value"] <= found[name]["with_ties"]["high"]


def test_orders_averaged_over_people_count_inversions_by_prompt(tmp_path):
    entries = [
        {"prompt": "a kite", "image_path": ["1.jpg", "2.jpg", "3.jpg"], "rank": [0, 1, 2]},
        {"prompt": "a kite", "image_path": ["4.jpg", "5.jpg"], "rank": [1, 0]},
    ]
    (tmp_path / "test.json").write_text(json.dumps(entries))
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "1.jpg").write_bytes(b"")
    benchmark = BENCHMARKS["hpdv2-test"]
    content = benchmark.load(tmp_path, tmp_path)
    assert content.rows[0].path == tmp_path / "test" / "1.jpg"
    found = benchmark.measure(content, [3.0, 1.0, 2.0, 0.0, 1.0])
    assert found["prompts"] == 2
    assert found["accuracy"]["value"] == pytest.approx((2 / 3 + 1) / 2)  # one of three inverted, and none of one
    tied = benchmark.measure(content, [0.0, 0.0, 0.0, 0.0, 0.0])
    assert tied["accuracy"]["value"] == 0.5


def test_preferences_of_clips_with_ties(tmp_path):
    rows = [
        {"video1_path": "a/1.mp4", "video2_path": "a/2.mp4", "standard_answer": "video1", "prompt": "a kite"},
        {"video1_path": "a/2.mp4", "video2_path": "a/3.mp4", "standard_answer": "tie", "prompt": "a kite"},
        {"video1_path": "b/1.mp4", "video2_path": "b/2.mp4", "standard_answer": "video2", "prompt": "a wren"},
    ]
    (tmp_path / "test").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "test" / "test-00000-of-00001.parquet")
    benchmark = BENCHMARKS["monetbench"]
    content = benchmark.load(tmp_path, tmp_path)
    assert [row.file for row in content.rows] == ["a/1.mp4", "a/2.mp4", "a/3.mp4", "b/1.mp4", "b/2.mp4"]
    found = benchmark.measure(content, [2.0, 1.0, 1.0, 0.0, 1.0])
    assert found["overall"]["with_ties"]["value"] == found["overall"]["without_ties"]["value"] == 1.0
    rows[0]["standard_answer"] = "neither"
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "test" / "test-00000-of-00001.parquet")
    with pytest.raises(DataError, match="Row 1: the answer is “neither”"):
        benchmark.load(tmp_path, tmp_path)


@pytest.fixture
def rated(tmp_path):
    """Four prompts, two generators (one under another name than its folder), two people."""
    (tmp_path / "datas").mkdir()
    lines = [json.dumps({"video_id": f"video{n}", "prompt": f"prompt {n}"}) for n in range(4)]
    (tmp_path / "datas" / "fetv_data.json").write_text("\n".join(lines) + "\n")
    for person in range(2):
        folder = tmp_path / "manual_eval_results" / f"human{person}"
        folder.mkdir(parents=True)
        for shift, generator in enumerate(("zeroscope", "damo-text2video")):
            told = [
                {str(n): {"video_id": f"video{n}", "static_quality": 1 + n, "temporal_quality": 1 + shift + person,
                          "alignment": 4 - n + shift}}
                for n in range(4)
            ]  # fmt: skip
            text = "\n".join(json.dumps(line) for line in told)
            (folder / f"manual_eval_results_{generator}.json").write_text(text)
    for folder in ("zeroscope/videos", "modelscope-t2v/videos"):
        (tmp_path / "datas" / "videos" / folder).mkdir(parents=True)
    clip = tmp_path / "datas" / "videos" / "modelscope-t2v" / "videos" / "2.mp4"
    write_clip(clip, [np.full((32, 32, 3), 90, dtype=np.uint8)] * 3)
    return tmp_path


def test_ratings_of_several_people_are_averaged(rated):
    benchmark = BENCHMARKS["fetv"]
    content = benchmark.load(rated, rated)
    assert len(content.rows) == 8
    one = next(row for row in content.rows if row.file == "damo-text2video/2")
    assert one.human == {"alignment": 3.0, "static_quality": 3.0, "temporal_quality": 2.5}
    assert one.path.is_file()
    assert one.prompt == "prompt 2"
    found = benchmark.measure(content, [row.human["alignment"] for row in content.rows])
    assert found["alignment"]["spearman"]["value"] == pytest.approx(1.0)
    assert found["static_quality"]["kendall_c"]["value"] < 0


def test_missing_media_are_named_with_where_they_come_from(rated, judge, votes, capsys):
    given = ["benchmark", "fetv", str(rated), "--judge", str(judge)]
    assert main(given) == 1  # some are there, and the judge is for images
    said = capsys.readouterr().err
    assert "7 of 8 videos are missing: " in said
    assert "huggingface.co/datasets/lyx97/FETV_gen_videos" in said
    assert "the judge is for images" in said
    (rated / "datas" / "videos" / "modelscope-t2v" / "videos" / "2.mp4").unlink()
    assert main(given) == 1
    assert "8 of 8 videos are missing" in capsys.readouterr().err
    (rated / "manual_eval_results" / "human1" / "manual_eval_results_zeroscope.json").unlink()
    with pytest.raises(DataError, match=r"human1/manual_eval_results_zeroscope\.json is missing"):
        BENCHMARKS["fetv"].load(rated, rated)


@pytest.mark.parametrize("name", sorted(BENCHMARKS))
def test_a_folder_without_the_files_says_what_is_missing_and_where_it_comes_from(name, tmp_path):
    benchmark = BENCHMARKS[name]
    with pytest.raises(DataError, match="missing") as told:
        benchmark.load(tmp_path, tmp_path)
    assert benchmark.layout in told.value.message
    assert benchmark.source in told.value.message
    with pytest.raises(DataError, match="there is no such folder"):
        benchmark.load(tmp_path / "nowhere", tmp_path)


def test_what_is_not_as_published_is_told(rankings, tmp_path):
    (rankings / "test.json").write_text('[{"id": "a"}]')
    with pytest.raises(DataError, match="not as published"):
        load("imagereward-test", rankings, tmp_path)
    (rankings / "test.json").write_text("5")
    with pytest.raises(DataError, match=r"test\.json: it is not a list"):
        load("imagereward-test", rankings, tmp_path)
    (rankings / "test.json").write_text("[]")
    with pytest.raises(DataError, match="lists not one item"):
        load("imagereward-test", rankings, tmp_path)


@pytest.mark.parametrize("name", sorted(BENCHMARKS))
def test_published_figures_are_shares_with_a_source(name):
    for one in BENCHMARKS[name].published:
        assert one.source
        assert all(-1 <= value <= 1 for value in one.figures.values())


def test_the_protocols_on_real_rankings_and_opinions(shared, tmp_path):
    """ImageReward's 466 prompts and AGIQA-3K's 2,982 images: no pictures are needed to count."""
    rankings = BENCHMARKS["imagereward-test"]
    content = rankings.load(shared / "data" / "imagereward-test", tmp_path)
    ranks = np.array([row.human["rank"] for row in content.rows])
    found = rankings.measure(content, -ranks)
    assert (found["prompts"], found["pairs"], found["ties"]) == (466, 7230, 831)
    assert found["without_ties"]["value"] == found["with_ties"]["value"] == 1.0
    opinions = BENCHMARKS["agiqa-3k"]
    content = opinions.load(shared / "data" / "agiqa-3k", tmp_path)
    found = opinions.measure(content, [row.human["alignment"] for row in content.rows])
    assert found["items"] == 2982
    assert found["alignment"]["spearman"]["value"] == pytest.approx(1.0)
    assert found["quality"]["spearman"]["value"] == pytest.approx(0.74, abs=0.01)
