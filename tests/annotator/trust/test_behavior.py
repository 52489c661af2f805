"""Speed outliers and straight-lining."""

import numpy as np

from annotator.trust.behavior import straight_lines, summarize, wholly_copied
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
    found = summarize(people, levels, milliseconds, np.full(40, 2000), LOWEST, HIGHEST)
    assert found.annotators.tolist() == [3, 9]
    assert found.too_fast.tolist() == [0.0, 1.0]
    assert found.median_seconds.tolist() == [12.0, 2.5]
    assert found.suspects().tolist() == [False, True]


def test_nobody_is_suspected_for_a_handful_of_annotations() -> None:
    levels = np.stack([HIGHEST] * 3)
    found = summarize(np.full(3, 1), levels, np.full(3, 10), np.zeros(3, int), LOWEST, HIGHEST)
    assert found.straight_lines.tolist() == [1.0]
    assert not found.suspects().any()


FOLLOWS = np.array([False, False, False, True, False, True])


def test_the_same_key_everywhere_is_found_where_ladders_begin_at_another_key() -> None:
    # A ladder that hangs on another one begins at key 0, which nobody presses.
    second_key = LOWEST + np.where(FOLLOWS, 2, 1)
    assert straight_lines(second_key[None, :].astype(np.int8), LOWEST, HIGHEST, FOLLOWS).tolist() == [True]


def test_what_follows_from_another_ladder_was_pressed_by_nobody() -> None:
    row = LOWEST + 1
    row[FOLLOWS] = LOWEST[FOLLOWS]
    assert not straight_lines(row[None, :].astype(np.int8), LOWEST, HIGHEST, FOLLOWS).any(), "four keys are too few"


def test_keys_in_turn_are_a_pattern_and_honest_answers_are_none() -> None:
    lowest, highest = np.full(18, -2, np.int8), np.full(18, 2, np.int8)
    rng = np.random.default_rng(3)
    patterns = [np.resize(turn, 18) - 2 for turn in ([0, 1], [1, 2, 3], [0, 4, 2, 1])]
    assert straight_lines(np.array(patterns, np.int8), lowest, highest).all()
    honest = np.clip(rng.normal(0.5, 1.0, (500, 18)).round(), -2, 2).astype(np.int8)
    assert straight_lines(honest, lowest, highest).sum() == 0


def test_whoever_takes_over_every_suggestion_is_a_suspect_and_whoever_mostly_agrees_is_none() -> None:
    rng = np.random.default_rng(5)
    shown = rng.integers(LOWEST, HIGHEST + 1, (20, 6)).astype(np.int8)
    levels = shown.copy()
    levels[10:, 0] = np.where(shown[10:, 0] == 2, 1, 2)  # the second person differs once per item
    assert wholly_copied(levels, shown)[1].tolist() == [True] * 10 + [False] * 10
    found = summarize(
        np.repeat([1, 2], 10), levels, np.full(20, 60_000), np.zeros(20, int), LOWEST, HIGHEST, FOLLOWS, shown
    )
    assert found.copied.tolist() == [1.0, 0.0]
    assert found.suspects().tolist() == [True, False]
