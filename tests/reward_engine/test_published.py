"""The published files load and score as published; the one that does not fit is refused."""

import json

import numpy as np
import pytest

from reward_engine.errors import ChecklistError, DataError, WeightsError
from reward_engine.published import load_questions, load_weights


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
    assert "{prompt}" in checklist.questions[0].text and "[[prompt]]" not in checklist.questions[0].text


def test_the_weights_that_do_not_fit_are_refused_with_the_reason(published):
    checklist = load_questions(published / "image_questions.txt", "image")
    with pytest.raises(WeightsError, match=r"has 55 coefficients, but the questions need 57"):
        load_weights(published / "image_weight.json", checklist)


def test_the_full_video_questions_load(published):
    assert len(load_questions(published / "video_questions.txt", "video").questions) == 64


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
