"""A judge's own noise: measured on held-out items, forgiven in dominance, and told before pairs are mined."""

import numpy as np
import pytest

from reward_engine.answers import ABSENT
from reward_engine.mpo.tolerance import RulePrecision, expected_precision, noise_tolerance, rules_with_more_pairs
from reward_engine.weights import equal_weights
from tests.reward_engine.training.planted import small_checklist


def told(rng, noise, *, prompts=40, per_prompt=5):
    """A judge whose P(yes) of each clarity question follows the level, and noise of a known size."""
    checklist = small_checklist()
    n = prompts * per_prompt
    levels = np.full((n, len(checklist.ordinal)), ABSENT, dtype=np.int8)
    levels[:, 0] = rng.integers(-2, 2, n)
    p = np.full((n, len(checklist.questions)), 0.5)
    center = 0.5 + 0.08 * (levels[:, [0]] + 0.5) + noise * rng.normal(size=(n, 1))
    p[:, :3] = np.clip(center, 0.0, 1.0)
    return checklist, equal_weights(checklist), p, levels, np.repeat(np.arange(prompts), per_prompt)


def test_the_tolerance_is_the_noise_of_a_difference():
    rng = np.random.default_rng(0)
    checklist, weights, *data = told(rng, 0.05)
    found = noise_tolerance(checklist, weights, *data)
    total = weights.coef[:3].sum()  # of the only ladder that anybody judged
    assert found == pytest.approx([np.sqrt(2) * 2 * 0.05 * total], rel=0.1)
    assert noise_tolerance(checklist, weights, *told(rng, 0.0)[2:]) == pytest.approx([0.0], abs=1e-9)


def test_where_no_prompt_has_two_items_nothing_is_known():
    checklist, weights, *data = told(np.random.default_rng(1), 0.05, prompts=6, per_prompt=1)
    assert not noise_tolerance(checklist, weights, *data).any()
    found = expected_precision(checklist, weights, *data)
    assert all((one.pairs, one.prompts, one.precision) == (0, 0, None) for one in found.values())


def test_each_rule_says_how_often_people_agree():
    checklist, weights, *data = told(np.random.default_rng(2), 0.05)
    tolerance = noise_tolerance(checklist, weights, *data)
    found = expected_precision(checklist, weights, *data, tolerance=tolerance)
    assert found["tolerant"].pairs < found["soft"].pairs  # with one dimension a tolerance only asks for more
    assert found["tolerant"].precision > found["soft"].precision > 0.6
    for one in found.values():
        assert one.low < one.precision < one.high
        assert one.ordered <= one.pairs
        assert one.covered <= one.prompts == 40


def test_people_s_own_answers_are_always_agreed_with():
    checklist, weights, p, levels, prompts = told(np.random.default_rng(3), 0.0)
    steps = levels[:, [0]] >= np.array([-1, 0, 1])
    p[:, :3] = np.where(steps, 0.99, 0.01)
    found = expected_precision(checklist, weights, p, levels, prompts)
    assert found["hard"].precision == found["soft"].precision == 1.0
    assert found["hard"].pairs > 0


def test_rules_that_find_more_pairs_are_named_the_most_first():
    def rule(pairs):
        return RulePrecision(pairs, 1, 2, 1, 0.5, None, None)

    found = rules_with_more_pairs({"hard": rule(45), "tolerant": rule(20), "soft": rule(5)}, "soft")
    assert list(found.items()) == [("hard", 45), ("tolerant", 20)]
    assert rules_with_more_pairs({"hard": rule(45), "soft": rule(5)}, "hard") == {}
    assert rules_with_more_pairs({}, "hard") == {}
