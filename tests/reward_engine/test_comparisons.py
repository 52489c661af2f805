"""Comparisons from rankings, and what is refused."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reward_engine.comparisons import Comparisons, comparisons_from_rankings
from reward_engine.errors import DataError


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([1.0, 2.0, 3.0, float("nan")])), max_size=25))
def test_rankings_give_every_pair_of_a_prompt_once(items):
    prompts, ranks = [p for p, _ in items], [r for _, r in items]
    found = comparisons_from_rankings(np.array(ranks, dtype=float), np.array(prompts, dtype=int))
    expected = []
    for a, b in itertools.combinations(range(len(items)), 2):
        if prompts[a] == prompts[b] and ranks[a] == ranks[a] and ranks[b] == ranks[b]:
            expected.append((a, b, 0 if ranks[a] == ranks[b] else (1 if ranks[a] < ranks[b] else -1)))
    assert list(zip(found.first.tolist(), found.second.tolist(), found.outcome.tolist(), strict=True)) == expected
    names = sorted(set(prompts))
    assert [names[i] for i in found.prompts] == [prompts[a] for a, _, _ in expected]


def test_real_rankings_with_ties(shared):
    data = json.loads((shared / "data" / "imagereward-test" / "test.json").read_text(encoding="utf-8"))
    ranks = [rank for entry in data for rank in entry["ranking"]]
    prompts = [entry["id"] for entry in data for _ in entry["ranking"]]
    found = comparisons_from_rankings(ranks, prompts)
    assert len(found) == sum(len(entry["ranking"]) * (len(entry["ranking"]) - 1) // 2 for entry in data) == 7230
    assert (found.outcome == 0).sum() == 831
    np.testing.assert_array_equal(found.outcome, np.sign(np.array(ranks)[found.second] - np.array(ranks)[found.first]))


def test_differences_are_first_minus_second():
    pairs = Comparisons.of([0, 2], [1, 0], [1, 0], ["a", "b"], items=3)
    values = np.array([[1.0, 2.0], [0.5, 0.0], [3.0, 3.0]])
    np.testing.assert_array_equal(pairs.differences(values), [[0.5, 2.0], [2.0, 1.0]])
    np.testing.assert_array_equal(pairs.differences(values[:, 0]), [0.5, 2.0])
    assert len(pairs) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([0, 1], [1], [1, 1], [0, 0]), "Two items and one outcome"),
        (([0, 3], [1, 1], [1, 1], [0, 0]), "Pair 1: there is no item 3; there are 3"),
        (([0, -1], [1, 1], [1, 1], [0, 0]), "Pair 1: there is no item -1"),
        (([0, 0.5], [1, 1], [1, 1], [0, 0]), "Pair 1: there is no item 0.5"),
        (([0, 1], [1, 1], [1, 1], [0, 0]), "Pair 1: the item 1 is compared with itself"),
        (([0, 1], [1, 2], [1, 2], [0, 0]), "Pair 1: the outcome is 2"),
        (([0, 1], [1, 2], [1, 1], [0]), "groups of the shape"),
    ],
)
def test_comparisons_that_make_no_sense_are_refused_by_pair(arguments, words):
    with pytest.raises(DataError, match=words):
        Comparisons.of(*arguments, items=3)
