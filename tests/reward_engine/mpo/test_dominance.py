"""Pairs by dominance, against the obvious double loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reward_engine.errors import DataError
from reward_engine.mpo import dominance


def obvious(values, groups, margin=0.0, min_total_gap=0.0):
    found = set()
    for i in range(len(values)):
        for j in range(len(values)):
            if i != j and groups[i] == groups[j] and all(values[i] >= values[j]):
                big_enough = sum(values[i]) - sum(values[j]) >= min_total_gap
                if any(values[i] - values[j] > margin) and big_enough:
                    found.add((i, j))
    return found


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
    assert set(zip(found.winner.tolist(), found.loser.tolist(), strict=True)) == obvious(values, groups, margin, gap)
    assert len(set(zip(found.winner, found.loser, strict=True))) == len(found)
    assert (found.gaps >= 0).all()


@settings(max_examples=100, deadline=None)
@given(scored(), st.integers(1, 3), st.sampled_from(["largest", "random"]), st.integers(0, 5))
def test_a_group_keeps_at_most_the_wanted_number_and_the_same_ones_again(case, limit, choose, seed):
    values, groups = case
    every = dominance.pairs(values, groups)
    some = dominance.pairs(values, groups, max_pairs_per_group=limit, choose=choose, seed=seed)
    again = dominance.pairs(values, groups, max_pairs_per_group=limit, choose=choose, seed=seed)
    assert np.array_equal(some.winner, again.winner) and np.array_equal(some.loser, again.loser)
    for group in set(groups.tolist()):
        all_gaps = sorted(every.total_gap[groups[every.winner] == group], reverse=True)
        kept = some.total_gap[groups[some.winner] == group]
        assert len(kept) == min(limit, len(all_gaps))
        if choose == "largest":
            assert list(kept) == all_gaps[:limit]


def test_small_blocks_give_the_same_pairs(monkeypatch):
    rng = np.random.default_rng(0)
    values, groups = rng.integers(0, 3, (60, 3)).astype(float), rng.integers(0, 4, 60)
    whole = dominance.pairs(values, groups)
    monkeypatch.setattr(dominance, "_BLOCK", 7)
    blocks = dominance.pairs(values, groups)
    assert np.array_equal(whole.winner, blocks.winner) and np.array_equal(whole.loser, blocks.loser)


def test_equal_items_and_single_items_give_no_pair():
    assert len(dominance.pairs([[1.0, 2.0], [1.0, 2.0]], [0, 0])) == 0
    assert len(dominance.pairs([[1.0, 2.0], [0.0, 0.0]], [0, 1])) == 0


@pytest.mark.parametrize(
    ("values", "groups", "options"),
    [
        ([[1.0], [np.nan]], [0, 0], {}),
        ([[1.0]], [0, 0], {}),
        ([[1.0]], [0], {"margin": -1}),
        ([[1.0]], [0], {"max_pairs_per_group": 0}),
        ([[1.0]], [0], {"total": [1.0, 2.0]}),
    ],
)
def test_bad_input_is_refused(values, groups, options):
    with pytest.raises(DataError):
        dominance.pairs(values, groups, **options)
