"""Ladders made monotone, gated and turned into levels, against slow and obvious references."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.isotonic import isotonic_regression

from reward_engine.answers import ABSENT, harmonize, to_answers
from reward_engine.checklist import builtin
from reward_engine.errors import DataError
from reward_engine.ladders import (
    applies,
    distribution,
    expected_levels,
    isotonic,
    level_probabilities,
    monotone,
    most_likely_levels,
    step_columns,
)
from reward_engine.reward import hard_values, soft_values
from tests.reward_engine.training.planted import small_checklist

SMALL = small_checklist()
any_p = arrays(np.float64, (5, len(SMALL.questions)), elements=st.floats(0, 1))
ladders = st.integers(1, 7).flatmap(lambda k: arrays(np.float64, (3, k), elements=st.floats(0, 1)))


@given(ladders)
def test_the_projection_is_that_of_scikit_learn(ladder):
    expected = np.array([isotonic_regression(row, increasing=False) for row in ladder])
    np.testing.assert_allclose(isotonic(ladder), expected, atol=1e-12)


@given(ladders)
def test_it_never_rises_keeps_the_sum_and_changes_nothing_twice(ladder):
    once = isotonic(ladder)
    assert (np.diff(once, axis=-1) <= 1e-12).all()
    np.testing.assert_allclose(once.sum(axis=-1), ladder.sum(axis=-1), atol=1e-12)
    np.testing.assert_allclose(isotonic(once), once, atol=1e-12)


@given(ladders)
def test_a_ladder_that_never_rises_is_left_exactly_as_it_is(ladder):
    falling = np.sort(ladder, axis=-1)[:, ::-1]
    np.testing.assert_array_equal(isotonic(falling), falling)


@given(ladders, st.integers(0, 2**32 - 1))
def test_no_other_falling_ladder_is_nearer(ladder, seed):
    nearest = ((isotonic(ladder) - ladder) ** 2).sum(axis=-1)
    others = np.sort(np.random.default_rng(seed).random((40, 1, ladder.shape[1])), axis=-1)[..., ::-1]
    assert (nearest <= ((others - ladder) ** 2).sum(axis=-1) + 1e-12).all()


@given(any_p)
def test_very_clear_never_beats_clear(p):
    found = monotone(SMALL, p)
    for sub in SMALL.ordinal:
        steps = found[:, step_columns(SMALL, sub)]
        assert (np.diff(steps, axis=1) <= 1e-12).all()
        own = [
            SMALL.question_index(q.id)
            for q in sub.questions
            if SMALL.question_index(q.id) not in step_columns(SMALL, sub)
        ]
        np.testing.assert_array_equal(found[:, own], p[:, own])  # "is there a hand?" is no step of the ladder
    assert ((found >= 0) & (found <= 1)).all()


def test_a_presence_that_other_ladders_hang_on_is_a_step_of_its_own_ladder():
    image = builtin("image")
    lighting, hands = image.sub_dimension("lighting_distinction"), image.sub_dimension("hands")
    assert step_columns(image, lighting)[0] == image.question_index("lighting_distinction_present")
    assert image.question_index("hands_present") not in step_columns(image, hands)


@given(any_p)
def test_levels_have_probabilities_that_add_up_to_one_and_have_the_expected_level_as_their_mean(p):
    expected = expected_levels(SMALL, p)
    for column, sub in enumerate(SMALL.ordinal):
        shares = distribution(SMALL, sub, p)
        assert shares.shape == (len(p), len(sub.levels))
        assert (shares >= -1e-12).all()
        np.testing.assert_allclose(shares.sum(axis=1), 1)
        np.testing.assert_allclose(shares @ np.array(sub.scores), expected[:, column], atol=1e-9)


@given(arrays(np.float64, (4, 3), elements=st.floats(0, 1)))
def test_level_probabilities_add_up(ladder):
    found = level_probabilities(ladder)
    assert (found >= -1e-12).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)


@given(any_p)
def test_questions_apply_with_the_probability_of_their_presence(p):
    found = applies(SMALL, p)
    soft = soft_values(p, SMALL)
    ladder = monotone(SMALL, p)
    for index, gate in enumerate(SMALL.question_mask):
        expected = p[:, gate] if gate >= 0 else np.ones(len(p))
        np.testing.assert_array_equal(found[:, index], expected)
    gate = SMALL.question_mask
    np.testing.assert_allclose(soft[:, gate < 0], 2 * ladder[:, gate < 0] - 1)
    assert (np.abs(soft[:, gate >= 0]) <= ladder[:, gate[gate >= 0]] + 1e-12).all()


@given(any_p)
def test_hard_answers_are_those_of_a_ladder(p):
    """No yes stands above a no, and nothing is answered behind a presence that is denied."""
    hard = hard_values(p, SMALL)
    for sub in SMALL.ordinal:
        steps = hard[:, step_columns(SMALL, sub)]
        assert (np.diff(steps, axis=1) <= 0).all()
    gate = SMALL.question_mask
    np.testing.assert_array_equal(hard[:, gate >= 0] != 0, hard[:, gate[gate >= 0]] > 0)


def sure(answers):
    """P(yes) of a judge who is certain of these answers; any p where a question does not apply."""
    rng = np.random.default_rng(0)
    return np.where(answers == 0, rng.random(answers.shape), (answers + 1) / 2)


@given(st.integers(0, 10**6))
def test_certain_answers_give_back_their_levels(seed):
    rng = np.random.default_rng(seed)
    columns = [rng.integers(sub.lowest, sub.highest + 1, 20) for sub in SMALL.ordinal]
    levels = harmonize(SMALL, np.stack(columns, axis=1).astype(np.int8))
    known = levels != ABSENT
    p = sure(to_answers(SMALL, levels))
    np.testing.assert_array_equal(most_likely_levels(SMALL, p)[known], levels[known])
    np.testing.assert_allclose(expected_levels(SMALL, p)[known], levels[known])


def test_certain_answers_give_back_their_levels_on_the_real_checklists(checklist, random_levels):
    levels = random_levels(checklist, 200, absent=0)
    known = levels != ABSENT
    p = sure(to_answers(checklist, levels))
    np.testing.assert_array_equal(most_likely_levels(checklist, p)[known], levels[known])
    np.testing.assert_allclose(expected_levels(checklist, p)[known], levels[known])


@given(any_p)
def test_most_likely_levels_never_contradict_each_other(p):
    to_answers(SMALL, most_likely_levels(SMALL, p))
    expected = expected_levels(SMALL, p)
    for column, sub in enumerate(SMALL.ordinal):
        assert (expected[:, column] >= sub.lowest - 1e-9).all()
        assert (expected[:, column] <= sub.highest + 1e-9).all()


def test_levels_by_hand():
    p = np.zeros((1, len(SMALL.questions)))
    p[0, :3] = [0.9, 0.5, 0.2]  # clarity from −2
    p[0, 4:7] = [0.5, 0.8, 0.4]  # hands: presence, then two steps
    found = expected_levels(SMALL, p)[0]
    assert found[0] == pytest.approx(-2 + 1.6)
    assert found[2] == pytest.approx(0.5 * (1 + 1.2))
    likely = most_likely_levels(SMALL, p)[0]
    assert likely[0] == -1
    assert likely[2] == 2
    np.testing.assert_allclose(distribution(SMALL, SMALL.sub_dimension("hands"), p)[0], [0.5, 0.1, 0.2, 0.2])


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_many_rows_at_once_are_the_rows_one_by_one(seed):
    p = np.random.default_rng(seed).random((6, len(SMALL.questions)))
    for ask in (monotone, applies, expected_levels, most_likely_levels):
        whole = ask(SMALL, p)
        np.testing.assert_array_equal(whole, np.vstack([ask(SMALL, p[i : i + 1]) for i in range(6)]))
        assert len(ask(SMALL, p[:0])) == 0


def test_wrong_probabilities_are_refused_by_row_and_question():
    with pytest.raises(DataError, match="shape"):
        expected_levels(SMALL, np.zeros((2, 3)))
    p = np.full((2, len(SMALL.questions)), 0.5)
    p[1, 2] = np.nan
    for ask in (most_likely_levels, expected_levels, monotone, applies):
        with pytest.raises(DataError, match=rf"Row 1, “{SMALL.questions[2].id}”.*\[0, 1\]"):
            ask(SMALL, p)
