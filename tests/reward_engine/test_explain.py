"""An explanation adds up, names what cost the most, and never blames what is not there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reward_engine.checklist import builtin
from reward_engine.errors import DataError, WeightsError
from reward_engine.explain import costs, explain
from reward_engine.reward import reward, soft_values
from reward_engine.weights import Weights, equal_weights

IMAGE = builtin("image")
Q = len(IMAGE.questions)
EQUAL = equal_weights(IMAGE)


def certain(**levels):
    """P(yes) of a perfect image, but for the sub-dimensions named with their level."""
    p = np.ones(Q)
    for id, level in levels.items():
        for question in IMAGE.sub_dimension(id).questions:
            p[IMAGE.question_index(question.id)] = float(level >= question.threshold)
    return p


@settings(max_examples=50, deadline=None)
@given(
    arrays(np.float64, (2, Q), elements=st.floats(0, 1)),
    arrays(np.float64, Q, elements=st.floats(-2, 2)),
    st.floats(-3, 3),
)
def test_reward_and_costs_add_up_to_the_best_there_could_have_been(p, coef, intercept):
    weights = Weights(coef, intercept, "fitted")
    lost, result = costs(IMAGE, weights, p)
    assert (lost >= 0).all()
    np.testing.assert_array_equal(result.reward, reward(soft_values(p, IMAGE), IMAGE, weights).reward)
    for row in range(2):
        found = explain(IMAGE, weights, p[row])
        assert found.reward == pytest.approx(result.reward[row])
        assert found.best == pytest.approx(found.reward + lost[row].sum())
        assert found.best == pytest.approx(found.reward + sum(cost.lost for cost in found.costs), abs=0.01)
        assert found.best <= intercept + np.abs(coef).sum() + 1e-9
        assert [cost.lost for cost in found.costs] == sorted((cost.lost for cost in found.costs), reverse=True)


def test_what_cost_the_most_is_named_first_with_its_level_and_its_dearest_answer():
    found = explain(IMAGE, EQUAL, certain(hands=-3, clarity=0, alignment=4), prompt="a cat")
    assert [cost.sub_dimension for cost in found.costs] == ["hands", "clarity", "alignment"]
    hands = found.costs[0]
    assert (hands.level.name, hands.p_level, hands.dimension) == ("Badly wrong", 1.0, "fidelity")
    assert hands.lost == pytest.approx(2 / 18)  # from +1/18 to −1/18
    assert hands.question_lost == pytest.approx(2 / 18 / 4)
    assert found.best == pytest.approx(1)
    assert found.sentences == (
        "The reward is 0.81; 0.19 is missing to the 1.00 that this item could have.",
        "Hands cost the most, 0.11: it looks like “Badly wrong” (100% sure). "
        "Hardly a hand any more: fingers melted together or growing at random.",
        "The answer that cost the most there: “Can you recognize each hand as a hand?”, yes with 0%.",
        "Next: Clarity 0.06 (“Fairly clear”); Alignment 0.03 (“Most matches”).",
    )
    assert found.text == " ".join(found.sentences)


def test_the_prompt_stands_in_its_question():
    found = explain(IMAGE, EQUAL, certain(alignment=4), prompt="a cat {on} a mat")
    assert '“Does the image show everything that this prompt asks for: "a cat {on} a mat"?”' in found.text


def test_what_is_not_there_costs_nothing():
    found = explain(IMAGE, EQUAL, certain(hands=-4, face=-3))
    assert found.costs == ()
    assert found.absent == ("Face", "Hands")
    assert found.reward == found.best == pytest.approx(16 / 18)
    assert found.sentences == (
        "The reward is 0.89, the best that this item could have.",
        "Counted little or not at all, because there seems to be none: Face, Hands.",
    )


def test_a_hand_that_may_be_there_costs_in_proportion():
    p = certain(hands=-3)
    whole = explain(IMAGE, EQUAL, p).costs[0].lost
    p[IMAGE.question_index("hands_present")] = 0.75
    assert explain(IMAGE, EQUAL, p).costs[0].lost == pytest.approx(0.75 * whole)


def test_no_more_sub_dimensions_are_reported_than_asked_for():
    found = explain(IMAGE, EQUAL, np.full(Q, 0.4), most=2)
    assert len(found.costs) == 18
    assert sum("Next: " in sentence and ";" not in sentence for sentence in found.sentences) == 1
    assert found.sentences[-2].startswith("Everything else together cost")


def test_a_yes_that_is_bad_is_a_cost_too():
    weights = Weights(np.where(np.arange(Q) == IMAGE.question_index("richness_4"), -1.0, 0.0), 0.0, "fitted")
    found = explain(IMAGE, weights, np.ones(Q))
    assert (found.reward, found.best) == (-1.0, 1.0)
    assert [cost.question for cost in found.costs] == ["richness_4"]


def test_weights_and_probabilities_that_do_not_fit_are_refused():
    with pytest.raises(WeightsError):
        explain(IMAGE, Weights(np.zeros(3)), np.ones(Q))
    with pytest.raises(DataError):
        explain(IMAGE, EQUAL, np.ones(Q + 1))
