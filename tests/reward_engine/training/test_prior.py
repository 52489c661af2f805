"""A judge of other data as a prior: real labels adjust it where it helps, and turn it down where it does not."""

from types import SimpleNamespace

import numpy as np
import pytest

from reward_engine.errors import TrainingError
from reward_engine.evaluation.order import order_within
from reward_engine.training import train_probe
from tests.reward_engine.training.planted import planted
from tests.reward_engine.training.test_selection import few, fitted

COLUMNS = 40
RULE = np.eye(COLUMNS)[0]  # what levels follow in ``few``


def small(seed, signal=1.5):
    return few(np.random.default_rng(seed), prompts=4, per_prompt=5, columns=COLUMNS, signal=signal)


def ordered(head):
    """The share of pairs in people's order on forty prompts that were never shown."""
    fresh, truth, of = few(np.random.default_rng(99), prompts=40, columns=COLUMNS, signal=1.5)
    return order_within(fresh @ head.model.coef, truth, of).ordered


def test_few_labels_go_further_with_a_judge_that_knows_the_rule():
    alone, helped = [], []
    for seed in range(4):
        rows = small(seed)
        alone.append(ordered(fitted(*rows)))
        head = fitted(*rows, prior={0: RULE}, others=np.stack([RULE, np.eye(COLUMNS)[1]]))
        helped.append(ordered(head))
        assert {"prior", "prior heads"} <= set(head.record["tried"])
        assert {"prior", "prior heads"} & set(head.record["taken"])
    assert np.mean(helped) > np.mean(alone) + 0.05
    assert np.mean(helped) > 0.65


def test_a_judge_that_knows_the_opposite_is_worth_nothing():
    for seed in range(3):
        head = fitted(*small(seed), prior={0: -RULE})
        assert head.record["tried"]["prior"]["gain"] <= 0
        assert "prior" not in head.record["taken"]


def test_a_prior_does_not_make_a_rule_of_noise():
    kinds = [fitted(*small(seed, signal=0.0), prior={0: RULE}, others=RULE[None]).kind for seed in range(10)]
    assert kinds.count("rates") >= 8


def test_a_judge_of_other_features_is_refused():
    data = planted(prompts=5, per_prompt=3)
    other = SimpleNamespace(
        checklist=data.checklist, heads=SimpleNamespace(design=SimpleNamespace(mean=np.zeros(7)))
    )  # fmt: skip
    with pytest.raises(TrainingError, match="looks at 7 features; these are 430"):
        train_probe(data.checklist, data.table, data.levels, data.groups, seed=0, prior=other)
