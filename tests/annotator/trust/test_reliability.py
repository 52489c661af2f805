"""Dawid–Skene over overlapping answers: it finds who errs how much, and the levels behind the answers."""

import numpy as np
import pytest

from annotator.trust.reliability import estimate
from reward_engine.answers import ABSENT

ERROR_RATES = (0.02, 0.1, 0.25, 0.5, 0.8)


def crowd(items: int, levels: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Annotators of known error rates: (truth [i, 1], items [n], annotators [n], levels [n, 1])."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(-2, levels - 2, (items, 1))
    rows = [
        (item, person, truth[item, 0] if rng.random() > rate else rng.integers(-2, levels - 2))
        for item in range(items)
        for person, rate in enumerate(ERROR_RATES)
    ]
    table = np.array(rows)
    return truth, table[:, 0] + 100, table[:, 1] + 7, table[:, 2:].astype(np.int8)


@pytest.mark.parametrize("items", [30, 400])
def test_annotators_come_out_in_the_order_of_their_error_rates(items: int) -> None:
    _truth, things, people, levels = crowd(items, 4)
    found = estimate(things, people, levels)
    assert found.annotators.tolist() == [7, 8, 9, 10, 11]
    assert np.all(np.diff(found.accuracy[[0, 2, 3, 4], 0]) < 0)
    assert found.answers[:, 0].tolist() == [items] * 5


def test_the_estimated_accuracy_is_near_the_planted_one() -> None:
    _truth, things, people, levels = crowd(600, 4)
    planted = 1 - np.array(ERROR_RATES) * 3 / 4  # a random answer among four is right by chance once in four
    assert np.abs(estimate(things, people, levels).accuracy[:, 0] - planted).max() < 0.06


def test_reliability_weighting_beats_the_majority() -> None:
    truth, things, people, levels = crowd(400, 4)
    found = estimate(things, people, levels)
    table = levels.reshape(400, 5)
    majority = np.array([np.bincount(row + 2, minlength=4).argmax() - 2 for row in table.astype(int)])
    weighted = (found.levels[:, 0] == truth[:, 0]).mean()
    assert weighted > (majority == truth[:, 0]).mean()
    assert weighted > 0.97
    assert found.certainty[found.levels[:, 0] == truth[:, 0], 0].mean() > 0.95


def test_unjudged_levels_stay_absent_and_single_answers_give_no_reliability() -> None:
    levels = np.array([[1, ABSENT], [1, ABSENT], [0, 2]], np.int8)
    found = estimate(np.array([1, 1, 2]), np.array([5, 6, 7]), levels)
    assert found.levels.tolist() == [[1, ABSENT], [0, 2]]
    assert np.isnan(found.accuracy[2]).all()  # nobody else looked at item 2
    assert np.isnan(found.certainty[0, 1])


def test_everybody_agreeing_is_certain() -> None:
    found = estimate(np.array([1, 1, 2, 2]), np.array([5, 6, 5, 6]), np.full((4, 1), 2, np.int8))
    assert found.certainty.tolist() == [[1.0], [1.0]]
    assert found.accuracy.tolist() == [[1.0], [1.0]]


def test_nothing_judged_gives_nothing() -> None:
    found = estimate(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 3), np.int8))
    assert found.levels.shape == (0, 3)


def test_two_annotations_of_one_person_for_one_item_are_refused() -> None:
    with pytest.raises(ValueError, match="two annotations of one item"):
        estimate(np.array([1, 1]), np.array([5, 5]), np.zeros((2, 1), np.int8))
