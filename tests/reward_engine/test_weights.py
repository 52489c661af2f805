"""Equal weights, and weights in files."""

import json

import numpy as np
import pytest

from reward_engine.checklist import builtin
from reward_engine.errors import WeightsError
from reward_engine.weights import Weights, equal_weights

IMAGE, VIDEO = builtin("image"), builtin("video")


def test_presence_alone_has_no_weight():
    coef = equal_weights(IMAGE).coef
    without = [question.id for question, value in zip(IMAGE.questions, coef, strict=True) if value == 0]
    assert without == ["body_present", "face_present", "hands_present"]
    light = IMAGE.question_index("lighting_distinction_present")  # a step of its own ladder as well
    assert coef[light] == coef[light + 1] == pytest.approx(1 / 18 / 3)
    assert [q.id for q, only in zip(VIDEO.questions, VIDEO.only_presence, strict=True) if only] == [
        "lighting_accurate_present",
        "movement_reality_present",
        "letters_present",
        "shape_at_beginning_present",
    ]


def test_they_come_back_from_their_file_to_the_last_bit(tmp_path, checklist):
    rng = np.random.default_rng(0)
    weights = Weights(rng.random(len(checklist.questions)) / 3, 1 / 3, "fitted", ("on 7 pairs",))
    weights.save(tmp_path / "w.json", checklist)
    again = Weights.load(tmp_path / "w.json", checklist)
    np.testing.assert_array_equal(again.coef, weights.coef)
    assert (again.intercept, again.form, again.notes) == (1 / 3, "fitted", ("on 7 pairs",))
    named = json.loads((tmp_path / "w.json").read_text())["coef"]
    assert list(named) == [question.id for question in checklist.questions]


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.json: there is no such file\. Fit weights"):
        Weights.load(tmp_path / "none.json", IMAGE)


def test_weights_of_another_checklist_are_refused(tmp_path):
    equal_weights(VIDEO).save(tmp_path / "w.json", VIDEO)
    with pytest.raises(WeightsError, match=r"w\.json: these weights were made for the checklist"):
        Weights.load(tmp_path / "w.json", IMAGE)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data["coef"].pop("clarity_1"), "do not name the 63 questions"),
        (lambda data: data["coef"].update(more=1.0), "do not name the 63 questions"),
        (lambda data: data["coef"].update(clarity_1="much"), "incomplete or altered"),
        (lambda data: data["coef"].update(clarity_1=float("nan")), "not a finite number"),
        (lambda data: data.update(coef=[1.0, 2.0]), "incomplete or altered"),
        (lambda data: data.pop("intercept"), "incomplete or altered"),
        (lambda data: data.update(kind="calibration"), "no weights of format 1"),
        (lambda data: data.update(format=9), "no weights of format 1"),
    ],
)
def test_altered_files_are_refused_in_words(tmp_path, change, words):
    data = equal_weights(IMAGE).to_json(IMAGE)
    change(data)
    (tmp_path / "w.json").write_text(json.dumps(data))
    with pytest.raises(WeightsError, match=words):
        Weights.load(tmp_path / "w.json", IMAGE)


def test_files_that_are_no_json_or_no_weights_are_refused(tmp_path):
    for text in ("{", "[0.5, 0.25]"):
        (tmp_path / "w.json").write_text(text)
        with pytest.raises(WeightsError, match=r"w\.json"):
            Weights.load(tmp_path / "w.json", IMAGE)


def test_weights_that_do_not_fit_are_not_saved(tmp_path):
    with pytest.raises(WeightsError, match="needs as many weights"):
        Weights(np.ones(3)).save(tmp_path / "w.json", IMAGE)
    assert not (tmp_path / "w.json").exists()
