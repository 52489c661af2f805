"""Speed outliers and straight-lining."""

import numpy as np

from annotator.trust.behaviour import straight_lines, summarise
from reward_engine.answers import ABSENT

LOWEST = np.array([-2, -1, 1, 1, -3, -2], np.int8)
HIGHEST = np.array([2, 1, 5, 3, 1, 2], np.int8)


def test_all_top_all_bottom_and_always_the_same_key_are_straight_lines() -> None:
    honest = np.array([0, 1, 3, 2, 1, -1], np.int8)
    third_key = np.array([0, 1, 3, 3, -1, 0], np.int8)
    rows = np.stack([HIGHEST, LOWEST, third_key, honest])
    assert straight_lines(rows, LOWEST, HIGHEST).tolist() == [True, True, True, False]


def test_too_few_judgments_make_no_line() -> None:
    row = np.array([[2, 1, 5, ABSENT, ABSENT, ABSENT]], np.int8)
    assert not straight_lines(row, LOWEST, HIGHEST).any()


def test_answers_faster_than_the_clip_are_counted_and_the_hasty_annotator_is_a_suspect() -> None:
    rng = np.random.default_rng(1)
    levels = rng.integers(LOWEST, HIGHEST + 1, (40, 6)).astype(np.int8)
    people = np.repeat([3, 9], 20)
    milliseconds = np.where(people == 3, 12_000, 2_500)
    found = summarise(people, levels, milliseconds, np.full(40, 2000), LOWEST, HIGHEST)
    assert found.annotators.tolist() == [3, 9]
    assert found.too_fast.tolist() == [0.0, 1.0]
    assert found.median_seconds.tolist() == [12.0, 2.5]
    assert found.suspects().tolist() == [False, True]


def test_nobody_is_suspected_for_a_handful_of_annotations() -> None:
    levels = np.stack([HIGHEST] * 3)
    found = summarise(np.full(3, 1), levels, np.full(3, 10), np.zeros(3, int), LOWEST, HIGHEST)
    assert found.straight_lines.tolist() == [1.0]
    assert not found.suspects().any()
