"""What a dimension's weight adds to the right order of preferences."""

import numpy as np
import pytest

from reward_engine.checklist import builtin
from reward_engine.comparisons import Comparisons
from reward_engine.errors import WeightsError
from reward_engine.preferences.effect import dimension_effects
from reward_engine.weights import Weights, equal_weights


def test_the_dimension_that_preferences_follow_adds_most():
    checklist = builtin("image")
    rng = np.random.default_rng(0)
    values = rng.uniform(-1, 1, (200, len(checklist.questions)))
    mine = checklist.question_dimension == 2
    first, second = np.arange(0, 200, 2), np.arange(1, 200, 2)
    said = np.sign(values[first][:, mine].sum(axis=1) - values[second][:, mine].sum(axis=1)).astype(int)
    pairs = Comparisons.of(first, second, said, np.arange(100) // 4, items=200)
    found = {one.dimension: one for one in dimension_effects(checklist, values, pairs, equal_weights(checklist))}
    best = max(found.values(), key=lambda one: one.difference)
    assert best.dimension == checklist.dimensions[2].id
    assert best.low > 0
    assert sum(one.share for one in found.values()) == pytest.approx(1.0)
    for one in found.values():
        assert one.difference == pytest.approx(one.accuracy - one.without)


def test_only_ties_tell_of_no_effect():
    checklist = builtin("image")
    pairs = Comparisons.of([0], [1], [0], ["a"], items=2)
    values = np.zeros((2, len(checklist.questions)))
    assert dimension_effects(checklist, values, pairs, equal_weights(checklist)) == ()


def test_degenerate_weights_are_refused(tmp_path):
    checklist = builtin("image")
    presence = np.where(checklist.only_presence, 1.0, 0.0)
    for coef, code in (
        (np.zeros(len(presence)), "weights_zero"),
        (presence, "weights_degenerate"),
        (-np.ones(len(presence)), "weights_degenerate"),
    ):
        with pytest.raises(WeightsError) as refused:
            Weights(coef).save(tmp_path / "weights.json", checklist)
        assert refused.value.code == code
