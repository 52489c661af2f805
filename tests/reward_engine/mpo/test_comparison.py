"""Changes, their intervals, and what is said of a reward that was bought."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reward_engine.errors import DataError
from reward_engine.mpo import comparison
from reward_engine.mpo.comparison import compare, describe
from reward_engine.mpo.scoring import Scores


def scores(by_dimension, names=("glow", "night"), subs=None):
    array = np.asarray(by_dimension, dtype=float)
    subs = np.zeros((len(array), 0)) if subs is None else np.asarray(subs, dtype=float)
    return Scores(array.sum(axis=1), array, subs, names, tuple(f"sub {i}" for i in range(subs.shape[1])))


def test_a_reward_that_was_bought_is_called_out():
    rng = np.random.default_rng(0)
    prompts = np.repeat(np.arange(30), 4)
    start = rng.normal(size=(120, 2))
    bought = start + [1.0, -0.4] + 0.1 * rng.normal(size=(120, 2))
    earned = start + [0.6, 0.0] + 0.1 * rng.normal(size=(120, 2)).clip(0)
    found = compare(scores(start), scores(bought), prompts)
    assert found.over_optimized == ("night",)
    assert [change.verdict for change in found.dimensions] == ["rises", "falls"]
    assert found.reward.verdict == "rises"
    assert "Over-optimized: the reward rises, night" in describe(found)
    assert compare(scores(start), scores(earned), prompts).over_optimized == ()
    worse = compare(scores(start), scores(start - 1), prompts)
    assert worse.reward.verdict == "falls"
    assert worse.over_optimized == ()  # nothing was won


def test_rates_count_items_one_to_one():
    start = np.zeros((4, 2))
    tuned = np.array([[1, 1], [0.05, -0.05], [0.02, 0.01], [-1, 0]])
    found = compare(scores(start), scores(tuned), [0, 0, 1, 1], tie_margin=0.1)
    assert (found.by_reward.win, found.by_reward.tie, found.by_reward.lose) == (0.25, 0.5, 0.25)
    assert (found.by_dominance.win, found.by_dominance.tie, found.by_dominance.lose) == (0.5, 0.25, 0.25)


def test_sub_dimensions_are_compared_too():
    start = scores(np.zeros((6, 2)), subs=np.zeros((6, 3)))
    tuned = scores(np.ones((6, 2)), subs=np.tile([1.0, 0.0, -1.0], (6, 1)))
    found = compare(start, tuned, [0, 0, 1, 1, 2, 2])
    assert [(c.name, c.verdict) for c in found.sub_dimensions] == [
        ("sub 0", "rises"),
        ("sub 1", "unclear"),
        ("sub 2", "falls"),
    ]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(8, 40), st.integers(1, 4))
def test_the_interval_is_about_that_of_the_prompts_means(seed, prompts, per_prompt):
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(prompts), per_prompt)
    difference = rng.normal(size=prompts)[group] + 0.3 * rng.normal(size=len(group))
    start = np.zeros((len(group), 1))
    found = compare(scores(start, ("d",)), scores(difference[:, None], ("d",)), group).dimensions[0]
    means = np.array([difference[group == g].mean() for g in range(prompts)])
    half = 1.96 * means.std() / np.sqrt(prompts)
    assert found.difference == pytest.approx(means.mean())
    assert found.low < found.difference < found.high
    assert found.high - found.low == pytest.approx(2 * half, rel=0.12)


def test_intervals_hold_what_they_promise(monkeypatch):
    """Of many worlds without a change, about one in twenty is called one."""
    monkeypatch.setattr(comparison, "RESAMPLES", 1000)
    wrong = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        group = np.repeat(np.arange(40), 3)
        difference = rng.normal(size=40)[group] + 0.5 * rng.normal(size=120)
        found = compare(scores(np.zeros((120, 1)), ("d",)), scores(difference[:, None], ("d",)), group, seed=seed)
        wrong += found.dimensions[0].verdict != "unclear"
    assert 3 <= wrong <= 22


def test_what_cannot_be_compared_is_refused():
    good = scores(np.zeros((4, 2)))
    for start, tuned, prompts, code in (
        (good, scores(np.zeros((4, 2)), ("glow", "other")), [0, 0, 1, 1], "mixed_checklists"),
        (good, scores(np.full((4, 2), np.nan)), [0, 0, 1, 1], "missing_scores"),
        (good, good, [0, 0, 0, 0], "too_few_prompts"),
    ):
        with pytest.raises(DataError) as caught:
            compare(start, tuned, prompts)
        assert caught.value.code == code
    with pytest.raises(DataError, match="must match"):
        compare(good, scores(np.zeros((3, 2))), [0, 0, 1])
    with pytest.raises(DataError, match="parts"):
        Scores(np.zeros(2), np.zeros((2, 3)), np.zeros((2, 0)), ("a",))
