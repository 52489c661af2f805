"""Pairs by dominance, against the obvious double loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reward_engine.errors import DataError
from reward_engine.mpo import dominance
from reward_engine.reward import RewardResult


def obvious(values, groups, margin=0.0, min_total_gap=0.0):
    found = set()
    for i in range(len(values)):
        for j in range(len(values)):
            if i != j and groups[i] == groups[j] and all(values[i] >= values[j]):
                big_enough = sum(values[i]) - sum(values[j]) >= min_total_gap
                if any(values[i] - values[j] > margin) and big_enough:
                    found.add((i, j))
    return found


def obvious_choice(found, totals, limit, choose):
    """The same choice by sorting plain tuples; ``found`` are the pairs of one group."""
    gap = {(i, j): totals[i] - totals[j] for i, j in found}
    if choose == "diverse":
        kept, left = [], sorted(found, key=lambda pair: (-gap[pair], pair))
        while left and len(kept) < limit:  # round after round, each winner once
            seen = set()
            for pair in list(left):
                if pair[0] not in seen and len(kept) < limit:
                    kept.append(pair)
                    left.remove(pair)
                    seen.add(pair[0])
        return set(kept)
    sign = -1 if choose == "largest" else 1
    return set(sorted(found, key=lambda pair: (sign * gap[pair], pair))[:limit])


def as_set(pairs):
    return set(zip(pairs.winner.tolist(), pairs.loser.tolist(), strict=True))


@st.composite
def scored(draw):
    n, d = draw(st.integers(0, 14)), draw(st.integers(1, 4))
    values = draw(hnp.arrays(np.float64, (n, d), elements=st.integers(-3, 3).map(float)))
    groups = draw(hnp.arrays(np.int64, n, elements=st.integers(-2, 3)))
    return values, groups


@settings(max_examples=150, deadline=None)
@given(scored(), st.sampled_from([0.0, 1.0, 2.5]), st.sampled_from([0.0, 2.0]))
def test_the_pairs_are_those_of_the_double_loop(case, margin, gap):
    values, groups = case
    found = dominance.pairs(values, groups, margin=margin, min_total_gap=gap)
    assert as_set(found) == obvious(values, groups, margin, gap)
    assert len(as_set(found)) == len(found)
    assert (found.gaps >= 0).all()
    assert np.array_equal(found.gaps, values[found.winner] - values[found.loser])


@settings(max_examples=100, deadline=None)
@given(scored(), st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 2.0]))
def test_the_baseline_looks_at_the_total_alone(case, margin, gap):
    values, groups = case
    found = dominance.total_pairs(values, groups, margin=margin, min_total_gap=gap)
    assert as_set(found) == obvious(values.sum(axis=1, keepdims=True), groups, margin, gap)
    assert np.array_equal(found.gaps, values[found.winner] - values[found.loser])
    if margin == 0:
        assert as_set(found) >= as_set(dominance.pairs(values, groups, min_total_gap=gap))


@settings(max_examples=150, deadline=None)
@given(scored(), st.integers(1, 4), st.sampled_from(["largest", "closest", "diverse"]))
def test_a_choice_is_that_of_the_slow_one(case, limit, choose):
    values, groups = case
    some = dominance.pairs(values, groups, max_pairs_per_group=limit, choose=choose)
    every = obvious(values, groups)
    expected = set()
    for group in set(groups.tolist()):
        of_group = {pair for pair in every if groups[pair[0]] == group}
        expected |= obvious_choice(of_group, values.sum(axis=1), limit, choose)
    assert as_set(some) == expected
    assert as_set(dominance.keep(dominance.pairs(values, groups), groups, limit, choose=choose)) == expected


@settings(max_examples=100, deadline=None)
@given(scored(), st.sampled_from(["largest", "closest", "random", "diverse"]), st.integers(0, 5), st.integers(1, 30))
def test_neither_blocks_nor_repetition_change_what_is_kept(case, choose, seed, block):
    values, groups = case
    options = {"max_pairs_per_group": 2, "choose": choose, "seed": seed}
    whole = dominance.pairs(values, groups, **options)
    size = dominance._BLOCK
    try:
        dominance._BLOCK = block
        in_blocks = dominance.pairs(values, groups, **options)
    finally:
        dominance._BLOCK = size
    for name in ("winner", "loser", "gaps", "total_gap"):
        assert np.array_equal(getattr(whole, name), getattr(in_blocks, name))
    counts = np.unique(groups[whole.winner], return_counts=True)[1]
    assert (counts <= 2).all()


@settings(max_examples=50, deadline=None)
@given(scored())
def test_pairs_come_group_by_group_and_clearest_first(case):
    values, groups = case
    found = dominance.pairs(values, groups)
    first = {group: groups.tolist().index(group) for group in groups.tolist()}
    keys = [(first[groups[w]], -g) for w, g in zip(found.winner.tolist(), found.total_gap.tolist(), strict=True)]
    assert keys == sorted(keys)


def test_another_seed_is_another_random_choice_and_every_pair_has_its_chance():
    values = np.arange(8.0)[:, None]
    groups = np.zeros(8, dtype=int)
    drawn = {}
    for seed in range(280):
        for pair in as_set(dominance.pairs(values, groups, max_pairs_per_group=1, choose="random", seed=seed)):
            drawn[pair] = drawn.get(pair, 0) + 1
    assert len(drawn) == 28  # all pairs of eight items in a row
    assert max(drawn.values()) < 30  # ten are expected


def test_pairs_that_people_and_model_agree_on():
    groups = np.zeros(4, dtype=int)
    model = dominance.pairs(np.array([[3.0], [2.0], [1.0], [0.0]]), groups)
    people = dominance.pairs(np.array([[1.0], [2.0], [1.0], [0.0]]), groups)
    agreed = dominance.both(model, people)
    assert as_set(agreed) == as_set(model) & as_set(people) == {(0, 3), (1, 2), (1, 3), (2, 3)}
    assert agreed.total_gap.tolist() == [3.0, 2.0, 1.0, 1.0]  # the model's
    assert len(dominance.both(model, dominance.pairs(np.zeros((4, 1)), groups))) == 0


def test_the_finer_the_level_the_stricter():
    rng = np.random.default_rng(0)
    contributions = rng.normal(size=(40, 8))
    by_sub = contributions.reshape(40, 4, 2).sum(axis=2)
    by_dimension = by_sub.reshape(40, 2, 2).sum(axis=2)
    result = RewardResult(by_dimension.sum(axis=1), contributions, by_sub, by_dimension, 0.0)
    groups = np.arange(40) // 8
    at = {
        level: as_set(dominance.pairs(dominance.level_values(result, level), groups))
        for level in ("dimension", "sub_dimension", "question")
    }
    assert at["dimension"] > at["sub_dimension"] >= at["question"]
    with pytest.raises(DataError, match="pixel"):
        dominance.level_values(result, "pixel")


def test_equal_items_and_single_items_give_no_pair():
    assert len(dominance.pairs([[1.0, 2.0], [1.0, 2.0]], [0, 0])) == 0
    assert len(dominance.pairs([[1.0, 2.0], [0.0, 0.0]], [0, 1])) == 0


@pytest.mark.parametrize(
    ("values", "groups", "options"),
    [
        ([[1.0], [np.nan]], [0, 0], {}),
        ([[1.0]], [0, 0], {}),
        ([[1.0]], [0], {"margin": -1}),
        ([[1.0]], [0], {"min_total_gap": -1}),
        ([[1.0]], [0], {"max_pairs_per_group": 0}),
        ([[1.0]], [0], {"choose": "prettiest"}),
        ([[1.0]], [0], {"total": [1.0, 2.0]}),
    ],
)
def test_bad_input_is_refused(values, groups, options):
    with pytest.raises(DataError):
        dominance.pairs(values, groups, **options)
    with pytest.raises(DataError):
        dominance.total_pairs(values, groups, **options)


@given(
    st.integers(0, 10_000),
    st.floats(0.0, 1.0),
    st.floats(0.0, 0.5),
)
def test_a_tolerance_forgives_small_losses_and_never_turns_a_pair_round(seed, tolerance, margin):
    rng = np.random.default_rng(seed)
    values, groups = rng.normal(size=(24, 3)).round(1), rng.integers(0, 4, 24)
    allowed = np.array([tolerance, tolerance / 2, 0.0])
    found = dominance.pairs(values, groups, tolerance=allowed, margin=margin)
    gaps = values[found.winner] - values[found.loser]
    assert (gaps >= -allowed - 1e-12).all()
    assert (gaps > np.maximum(allowed, margin)).any(axis=1).all()
    both_ways = set(zip(found.winner.tolist(), found.loser.tolist(), strict=True))
    assert not both_ways & {(loser, winner) for winner, loser in both_ways}
    slow = {
        (a, b)
        for a in range(24)
        for b in range(24)
        if groups[a] == groups[b]
        and all(values[a, k] - values[b, k] >= -allowed[k] for k in range(3))
        and any(values[a, k] - values[b, k] > max(allowed[k], margin) for k in range(3))
    }
    assert both_ways == slow


def test_without_a_tolerance_it_is_the_published_rule():
    rng = np.random.default_rng(0)
    values, groups = rng.integers(0, 3, (30, 4)), rng.integers(0, 5, 30)
    plain, zero = dominance.pairs(values, groups), dominance.pairs(values, groups, tolerance=np.zeros(4))
    np.testing.assert_array_equal(plain.winner, zero.winner)
    np.testing.assert_array_equal(plain.loser, zero.loser)


@pytest.mark.parametrize("tolerance", [-0.1, np.nan, [0.1, 0.1], [[0.1]]])
def test_tolerances_that_make_no_sense_are_refused(tolerance):
    with pytest.raises(DataError):
        dominance.pairs(np.zeros((2, 3)), [0, 0], tolerance=tolerance)
