"""A reward is the sum of what it is made of."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reward_engine import answers
from reward_engine.calibration import Calibration
from reward_engine.checklist import builtin
from reward_engine.errors import DataError, WeightsError
from reward_engine.reward import hard_values, reward, score, soft_values
from reward_engine.weights import Weights, equal_weights

IMAGE = builtin("image")
Q = len(IMAGE.questions)


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.float64, (3, Q), elements=st.floats(0, 1)),
    hnp.arrays(np.float64, Q, elements=st.floats(-2, 2)),
    st.floats(-3, 3),
)
def test_every_breakdown_adds_up_to_the_reward(p_yes, coef, intercept):
    result = reward(soft_values(p_yes, IMAGE), IMAGE, Weights(coef, intercept, "fitted"))
    for parts in (result.contributions, result.by_sub_dimension, result.by_dimension):
        np.testing.assert_allclose(parts.sum(axis=1) + intercept, result.reward, rtol=0, atol=1e-12)


def test_equal_weights_give_every_sub_dimension_the_same_say(checklist, random_levels):
    weights = equal_weights(checklist)
    per_ladder = np.bincount(checklist.question_sub_dimension, weights=weights.coef)
    np.testing.assert_allclose(per_ladder, 1 / len(checklist.ordinal))
    result = reward(answers.to_answers(checklist, random_levels(checklist, 50)), checklist, weights)
    assert (np.abs(result.reward) <= 1 + 1e-12).all()


def test_the_best_levels_give_one(checklist):
    best = np.array([[sub.highest for sub in checklist.ordinal]], dtype=np.int8)
    found = reward(answers.to_answers(checklist, best), checklist, equal_weights(checklist))
    assert found.reward[0] == pytest.approx(1)


def test_certain_probabilities_are_the_answers(checklist, random_levels):
    levels = random_levels(checklist, 40, absent=0.0)
    # Levels that contradicted their owner's became absent; here everything is judged.
    levels = np.where(levels == answers.ABSENT, [sub.lowest + 1 for sub in checklist.ordinal], levels)
    given_answers = answers.to_answers(checklist, levels)
    p_yes = np.where(given_answers == 0, 0.7, (given_answers + 1) / 2)  # what is masked must not matter
    np.testing.assert_allclose(soft_values(p_yes, checklist)[given_answers != 0], given_answers[given_answers != 0])
    np.testing.assert_array_equal(hard_values(p_yes, checklist), given_answers)
    assert (soft_values(p_yes, checklist)[given_answers == 0] == 0).all()


def test_a_half_certain_face_lets_its_questions_count_by_half():
    p_yes = np.ones((1, Q))
    p_yes[0, IMAGE.question_index("face_present")] = 0.5
    values = soft_values(p_yes, IMAGE)
    for question in IMAGE.sub_dimension("face").questions[1:]:
        assert values[0, IMAGE.question_index(question.id)] == 0.5


def test_a_probability_that_is_none_is_refused_by_row_and_question():
    p_yes = np.full((2, Q), 0.5)
    p_yes[1, 4] = np.nan
    with pytest.raises(DataError, match=f"Row 1, “{IMAGE.questions[4].id}”"):
        soft_values(p_yes, IMAGE)


def test_very_clear_earns_no_more_than_clear_allows():
    """A judge that says yes to "very clear" and no to "clear" is heard as what it can mean at most."""
    p_yes = np.full((1, Q), 0.5)
    ladder = [IMAGE.question_index(question.id) for question in IMAGE.sub_dimension("clarity").questions]
    p_yes[0, ladder] = [1.0, 0.2, 0.4, 0.9]
    np.testing.assert_allclose(soft_values(p_yes, IMAGE)[0, ladder], [1.0, 0.0, 0.0, 0.0], atol=1e-12)


def test_scoring_is_calibration_then_ladders_then_weights():
    p_yes = np.random.default_rng(0).random((6, Q))
    weights = equal_weights(IMAGE)
    identity = Calibration.identity(IMAGE)
    modest = replace(identity, questions=tuple(replace(one, slope=0.5, offset=0.1) for one in identity.questions))
    expected = reward(soft_values(modest.apply(IMAGE, p_yes), IMAGE), IMAGE, weights)
    found = score(p_yes, IMAGE, weights, calibration=modest)
    np.testing.assert_array_equal(found.reward, expected.reward)
    np.testing.assert_array_equal(
        score(p_yes, IMAGE, weights).reward, reward(soft_values(p_yes, IMAGE), IMAGE, weights).reward
    )
    hard = score(p_yes, IMAGE, weights, form="hard")
    np.testing.assert_array_equal(hard.reward, reward(hard_values(p_yes, IMAGE), IMAGE, weights).reward)
    with pytest.raises(DataError, match="soft or hard"):
        score(p_yes, IMAGE, weights, form="medium")


def test_values_outside_their_range_are_refused_by_row_and_question():
    values = np.zeros((2, Q))
    values[1, 3] = 1.5
    with pytest.raises(DataError, match=f"Row 1, “{IMAGE.questions[3].id}”"):
        reward(values, IMAGE, equal_weights(IMAGE))
    with pytest.raises(DataError, match="shape"):
        reward(np.zeros((1, Q + 1)), IMAGE, equal_weights(IMAGE))


def test_weights_of_another_length_are_refused():
    with pytest.raises(WeightsError, match="needs as many weights"):
        reward(np.zeros((1, Q)), IMAGE, Weights(np.zeros(Q - 1)))
