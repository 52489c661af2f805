"""All figures in one call, as data, as a table and as pictures."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from reward_engine.answers import ABSENT, to_answers
from reward_engine.checklist import builtin
from reward_engine.errors import DataError
from reward_engine.evaluation import compare_judges, evaluate_answers, level_agreement, most_likely_levels
from reward_engine.evaluation.plots import plot_agreement, plot_comparison, plot_reliability
from reward_engine.evaluation.tables import answers_table, comparison_table, table

IMAGE = builtin("image")


@pytest.fixture(scope="module")
def judged():
    """(P(yes) of a judge who is right more often than not, people's levels, prompts)."""
    rng = np.random.default_rng(0)
    columns = [rng.integers(sub.lowest, sub.highest + 1, 80) for sub in IMAGE.ordinal]
    levels = np.stack(columns, axis=1).astype(np.int8)
    none = levels[:, IMAGE.ordinal_index("lighting_distinction")] == -1
    beauty = IMAGE.ordinal_index("lighting_aesthetic")
    levels[:, beauty] = np.where(none, -1, np.maximum(levels[:, beauty], 0))
    answers = to_answers(IMAGE, levels)
    p = np.clip(np.where(answers == 0, 0.5, 0.5 + 0.3 * answers) + rng.normal(0, 0.2, answers.shape), 0, 1)
    levels[:, IMAGE.ordinal_index("emotion")] = ABSENT
    return p, levels, np.arange(80) // 4


@pytest.fixture(scope="module")
def report(judged):
    return evaluate_answers(IMAGE, *judged, times=100, rank_times=20)


def test_every_level_of_the_checklist_is_reported(report, judged):
    p, levels, _ = judged
    assert list(report.questions) == [question.id for question in IMAGE.questions]
    assert list(report.sub_dimensions) == [sub.id for sub in IMAGE.ordinal]
    assert list(report.dimensions) == [dimension.id for dimension in IMAGE.dimensions]
    clarity = report.sub_dimensions["clarity"]
    column = IMAGE.ordinal_index("clarity")
    assert clarity.levels == level_agreement(most_likely_levels(IMAGE, p)[:, column], levels[:, column])
    assert clarity.levels.accuracy > clarity.baseline_accuracy + 0.1
    assert clarity.intervals["accuracy"].low > clarity.baseline_accuracy
    assert clarity.ranks.kendall > 0.5
    assert report.overall["balanced_accuracy"] > 0.75
    alignment = [report.questions[f"alignment_{i}"].accuracy for i in range(1, 5)]
    assert report.dimensions["alignment"]["accuracy"] == pytest.approx(np.mean(alignment))
    assert report.reliability.n == sum(one.n for one in report.questions.values())


def test_what_nobody_judged_is_none(report):
    emotion = report.sub_dimensions["emotion"]
    assert (emotion.levels.n, emotion.levels.accuracy, emotion.ranks.kendall, emotion.baseline_accuracy) == (
        0,
        None,
        None,
        None,
    )
    assert report.questions["emotion_1"].accuracy is None


def test_it_goes_into_json_without_nan(report):
    data = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert data["sub_dimensions"]["clarity"]["intervals"]["accuracy"]["low"] > 0
    assert data["questions"]["emotion_1"]["kappa"] is None


def test_it_makes_a_table_for_people(report):
    lines = answers_table(IMAGE, report).splitlines()
    assert lines[0].split()[:4] == ["sub-dimension", "n", "accuracy", "baseline"]
    assert len(lines) == 2 + 18 + 2
    clarity = next(line for line in lines if line.startswith("Clarity"))
    assert f"{100 * report.sub_dimensions['clarity'].levels.accuracy:.1f} % [" in clarity
    emotion = next(line for line in lines if line.startswith("Emotion"))
    assert emotion.split()[1:3] == ["0", "–"]
    assert "expected calibration error" in lines[-1]
    assert table(["a", "b"], [["long name", "1"], ["x", "1234"]]).splitlines() == [
        "a             b",
        "─────────  ────",
        "long name     1",
        "x          1234",
    ]


def test_judges_make_a_table_too():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=300)
    gaps = {"good": truth + rng.normal(0, 0.3, 300), "bad": rng.normal(size=300)}
    found = compare_judges(gaps, np.sign(truth).astype(int), np.arange(300) // 5, times=100)
    lines = comparison_table(found).splitlines()
    assert lines[2].startswith("good")
    assert lines[-1].startswith("good over bad: +")
    assert lines[-1].endswith("(significant)")


def test_pictures_are_drawn(report):
    comparison = compare_judges({"a": [1.0, -1.0, 0.5], "b": [1.0, 1.0, 1.0]}, [1, -1, 0], [0, 1, 2], times=20)
    for figure in (plot_reliability(report.reliability), plot_agreement(IMAGE, report), plot_comparison(comparison)):
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=60)
        picture = Image.open(file).convert("L")
        assert min(picture.size) > 100
        assert len(picture.getcolors(256)) > 20  # more than an empty page
    axes = plot_agreement(IMAGE, report).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        s.name for s in IMAGE.ordinal if s.id != "emotion"
    ]


def test_rows_that_do_not_fit_are_refused(judged):
    p, levels, prompts = judged
    with pytest.raises(DataError, match="there are 80, 79 and 80"):
        evaluate_answers(IMAGE, p, levels[1:], prompts)
    with pytest.raises(DataError, match="at least one"):
        evaluate_answers(IMAGE, p[:0], levels[:0], prompts[:0])
