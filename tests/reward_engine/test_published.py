"""The published files load and score as published; the one that does not fit is refused."""

import json

import numpy as np
import pytest

from reward_engine.checklist import dumps, loads
from reward_engine.errors import ChecklistError, DataError, WeightsError
from reward_engine.published import load_questions, load_weights
from reward_engine.reward import hard_values, reward


@pytest.fixture
def published(shared):
    return shared / "reference" / "visionreward"


def published_image_reward(answers, alignment, coef, intercept):
    """The published scorer, line by line."""
    rewards = []
    for row, align in zip(answers, alignment, strict=True):
        row = list(row)
        masked = {0: [22, 23, 24, 28, 29], 1: [25, 26], 2: [27]}
        for mask, positions in masked.items():
            if row[mask] == -1:
                for position in positions:
                    row[position] = 0
        features = [align, *row[3:]]
        rewards.append(sum(f * c for f, c in zip(features, coef, strict=True)) + intercept)
    return rewards


def test_the_published_image_reward_is_reproduced(published):
    checklist = load_questions(published / "image_questions_select.txt", "image")
    assert len(checklist.questions) == 30
    scorer = load_weights(published / "image_weight_select.json", checklist)
    raw = json.loads((published / "image_weight_select.json").read_text())
    rng = np.random.default_rng(0)
    answers, alignment = rng.choice([-1, 1], (200, 30)), rng.random(200)
    expected = published_image_reward(answers, alignment, raw["coef"], raw["intercept"][0])
    np.testing.assert_allclose(scorer.reward(answers, alignment), expected, rtol=0, atol=1e-12)
    with pytest.raises(DataError, match="alignment"):
        scorer.reward(answers)


def test_the_published_video_reward_is_reproduced(published):
    checklist = load_questions(published / "video_questions_select.txt", "video")
    scorer = load_weights(published / "video_weight_select.json", checklist)
    weights = np.array(json.loads((published / "video_weight_select.json").read_text()))
    answers = np.random.default_rng(1).choice([-1, 1], (100, 29))
    np.testing.assert_allclose(scorer.reward(answers), (answers * weights).mean(axis=1), atol=1e-12)
    assert "{prompt}" in checklist.questions[0].text
    assert "[[prompt]]" not in checklist.questions[0].text


def test_the_weights_that_do_not_fit_are_refused_with_the_reason(published):
    checklist = load_questions(published / "image_questions.txt", "image")
    with pytest.raises(
        WeightsError, match=r"image_weight\.json has 55 coefficients, but the questions need 57"
    ) as found:
        load_weights(published / "image_weight.json", checklist)
    assert "one for the alignment score and one for each of the 56 questions" in str(found.value)
    assert "cannot be known" in str(found.value)
    assert "refused rather than cut" in str(found.value)
    # Nor does it fit the 30 selected questions, nor the selected weights the full ones.
    selected = load_questions(published / "image_questions_select.txt", "image")
    for weights, questions in (("image_weight", selected), ("image_weight_select", checklist)):
        with pytest.raises(WeightsError, match="coefficients, but the questions need"):
            load_weights(published / f"{weights}.json", questions)
    videos = load_questions(published / "video_questions.txt", "video")
    with pytest.raises(WeightsError, match="has 29 coefficients, but the questions need 64"):
        load_weights(published / "video_weight_select.json", videos)


def test_the_full_video_questions_load(published):
    assert len(load_questions(published / "video_questions.txt", "video").questions) == 64


@pytest.mark.parametrize(("name", "slip"), [("image_questions", []), ("image_questions_select", ["Does"] * 2)])
def test_masks_hang_on_the_questions_that_name_the_same_thing(published, name, slip):
    """The published scorer masks by position; the texts at those positions tell whether they are the right ones."""
    checklist = load_questions(published / f"{name}.txt", "image")
    gates = {"human body": 0, "human face": 1, "human hands": 2}
    rest = []
    for index, question in enumerate(checklist.questions):
        named = [gate for words, gate in gates.items() if words in question.text]
        if index < 3:
            assert (named, question.is_presence) == ([index], True)
        elif named:
            assert checklist.question_mask[index] == named[0]
        elif checklist.question_mask[index] >= 0:
            rest.append(question.text)
    assert [text.split()[0] for text in rest] == slip
    assert all("harmfulness" in text for text in rest)


@pytest.mark.parametrize("name", ["image_questions", "image_questions_select", "video_questions"])
def test_a_published_checklist_can_be_stored_as_yaml(published, name):
    checklist = load_questions(published / f"{name}.txt", name.split("_")[0])
    again = loads(dumps(checklist))
    assert again.content_hash == checklist.content_hash
    np.testing.assert_array_equal(again.question_mask, checklist.question_mask)


def test_a_missing_file_is_an_error_in_words(tmp_path, published):
    with pytest.raises(ChecklistError, match=r"none\.txt: cannot be read"):
        load_questions(tmp_path / "none.txt", "image")
    checklist = load_questions(published / "video_questions_select.txt", "video")
    with pytest.raises(WeightsError, match=r"none\.json: cannot be read"):
        load_weights(tmp_path / "none.json", checklist)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "1" + "0" * 400])
def test_a_weight_that_is_no_finite_number_is_refused(tmp_path, published, number):
    checklist = load_questions(published / "video_questions_select.txt", "video")
    (tmp_path / "weights.json").write_text("[" + ", ".join(["1.0"] * 28 + [number]) + "]")
    with pytest.raises(WeightsError, match=r"weights\.json: a weight is not a finite number"):
        load_weights(tmp_path / "weights.json", checklist)


def test_weights_that_count_nothing_are_refused(tmp_path, published):
    videos = load_questions(published / "video_questions_select.txt", "video")
    images = load_questions(published / "image_questions_select.txt", "image")
    path = tmp_path / "weights.json"
    for checklist, weights, words in (
        (videos, [0.0] * 29, "Every weight is 0"),
        (videos, [-1.0] * 29, "No weight is above 0"),
        (images, {"coef": [1.0] + [0.0] * 27, "intercept": [0.5]}, "Every weight is 0"),  # the alignment score alone
    ):
        path.write_text(json.dumps(weights))
        with pytest.raises(WeightsError, match=rf"weights\.json: {words}"):
            load_weights(path, checklist)


def test_answers_and_alignment_that_make_no_sense_are_refused(published):
    checklist = load_questions(published / "image_questions_select.txt", "image")
    scorer = load_weights(published / "image_weight_select.json", checklist)
    answers = np.ones((2, 30))
    for wrong, alignment, words in (
        (answers[:, :29], [0, 0], "shape"),
        (answers * 0.5, [0, 0], "Answers are"),
        (answers, [0], "2 rows of answers and 1 alignment"),
        (answers, [0, np.nan], "Row 1: the alignment score is not finite"),
    ):
        with pytest.raises(DataError, match=words):
            scorer.reward(wrong, alignment)


@pytest.mark.parametrize("text", ["", "Is it?\n\nIs it not?\n", "Is it?\nIs it?\n"])
def test_files_with_empty_or_repeated_lines_are_refused(tmp_path, text):
    path = tmp_path / "questions.txt"
    path.write_text(text)
    with pytest.raises(ChecklistError, match=r"questions\.txt"):
        load_questions(path, "video")


@pytest.mark.parametrize("text", ["{", '{"coef": [1]}', '{"coef": ["a"], "intercept": [0]}', "[1, 2]"])
def test_weight_files_of_another_shape_are_refused(tmp_path, published, text):
    path = tmp_path / "weights.json"
    path.write_text(text)
    for media_type in ("image", "video"):
        checklist = load_questions(published / f"{media_type}_questions_select.txt", media_type)
        with pytest.raises(WeightsError, match=r"weights\.json"):
            load_weights(path, checklist)


@pytest.mark.parametrize("media_type", ["image", "video"])
def test_as_weights_of_the_checklist_they_give_the_same_reward_but_for_the_alignment(published, media_type):
    checklist = load_questions(published / f"{media_type}_questions_select.txt", media_type)
    scorer = load_weights(published / f"{media_type}_weight_select.json", checklist)
    weights = scorer.weights()
    weights.check(checklist)
    answers = np.random.default_rng(2).choice([-1, 1], (50, len(checklist.questions)))
    expected = scorer.reward(answers, np.zeros(50) if media_type == "image" else None)
    found = reward(hard_values((answers + 1) / 2, checklist), checklist, weights)
    np.testing.assert_allclose(found.reward, expected, rtol=0, atol=1e-12)
    assert weights.form == "published"
    assert weights.notes
