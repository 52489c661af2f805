"""Judges side by side: differences, chance, dimensions and generators."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import false_discovery_control, kstest

from reward_engine.answers import ABSENT, harmonize, to_answers
from reward_engine.comparisons import Comparisons
from reward_engine.errors import DataError
from reward_engine.evaluation import by_dimension, by_generator, compare_answers, compare_judges, preference_accuracy
from reward_engine.evaluation.compare import sign_flip_p
from reward_engine.ladders import monotone
from reward_engine.reward import reward, soft_values
from reward_engine.weights import equal_weights
from tests.reward_engine.training.planted import small_checklist


def people(prompts=80, each=6, seed=0):
    """(human outcomes with some ties, prompts, gaps of judges of three strengths)."""
    rng = np.random.default_rng(seed)
    m = prompts * each
    truth = rng.normal(size=m)
    human = np.where(np.abs(truth) < 0.2, 0, np.sign(truth)).astype(np.int8)
    gaps = {name: truth + rng.normal(0, noise, m) for name, noise in (("weak", 3.0), ("twin", 0.5), ("strong", 0.5))}
    return human, np.repeat(np.arange(prompts), each), gaps


def test_judges_stand_in_order_with_their_own_accuracy():
    human, prompts, gaps = people()
    found = compare_judges(gaps, human, prompts, times=200)
    assert list(found.judges)[-1] == "weak"
    for name, one in found.judges.items():
        assert one == preference_accuracy(gaps[name], human)
        interval = found.intervals[name].diff
        assert interval.low <= one.diff <= interval.high
    diffs = [one.diff for one in found.judges.values()]
    assert diffs == sorted(diffs, reverse=True)


def test_a_real_difference_is_significant_and_one_by_chance_is_not():
    human, prompts, gaps = people()
    found = {frozenset((d.first, d.second)): d for d in compare_judges(gaps, human, prompts, times=200).differences}
    for other in ("twin", "strong"):
        real = found[frozenset(("weak", other))]
        assert real.first == other
        assert real.is_significant
        assert 0 < real.difference.low < real.difference.value < real.difference.high
        assert real.p <= real.p_adjusted < 0.01
    chance = found[frozenset(("twin", "strong"))]
    assert not chance.is_significant
    assert chance.difference.low <= 0 <= chance.difference.high + 1e-9


def test_a_judge_does_not_differ_from_itself():
    human, prompts, gaps = people()
    (difference,) = compare_judges({"a": gaps["weak"], "b": gaps["weak"]}, human, prompts, times=50).differences
    assert (difference.difference.value, difference.p) == (0, 1)


@given(arrays(np.float64, st.integers(1, 9), elements=st.sampled_from([-2.0, -1.0, 0.0, 1.0, 3.0])))
def test_few_prompts_are_tested_exactly(totals):
    signs = list(itertools.product((-1, 1), repeat=len(totals)))
    extreme = [abs(np.dot(sign, totals)) >= abs(totals.sum()) - 1e-9 for sign in signs]
    assert sign_flip_p(totals) == pytest.approx(np.mean(extreme))


def test_many_prompts_are_tested_nearly_so_and_never_given_zero():
    totals = np.random.default_rng(0).normal(size=13)
    exact = sign_flip_p(totals)
    assert sign_flip_p(np.append(totals, 1e-6)) == pytest.approx(exact, abs=0.02)
    assert sign_flip_p(np.ones(50)) == pytest.approx(1 / 10_001)


def test_p_is_uniform_where_there_is_no_difference():
    """Correlated pairs within a prompt do not make chance look like skill."""
    rng = np.random.default_rng(1)
    p = [
        sign_flip_p(
            np.repeat(rng.choice([-1.0, 1.0], 40), 5).reshape(40, 5).sum(axis=1) + rng.normal(0, 0.1, 40),
            flips=500,
            seed=i,
        )
        for i in range(150)
    ]
    assert kstest(p, "uniform").pvalue > 0.01


def test_many_comparisons_are_corrected_for():
    human, prompts, gaps = people()
    found = compare_judges(gaps, human, prompts, times=20).differences
    p, adjusted = np.array([d.p for d in found]), np.array([d.p_adjusted for d in found])
    order = np.argsort(p)
    expected = np.minimum(1, np.maximum.accumulate(p[order] * np.array([3, 2, 1])))
    np.testing.assert_allclose(adjusted[order], expected)
    assert (adjusted >= false_discovery_control(p) - 1e-12).all()  # Holm is the stricter


def test_only_ties_tell_no_difference():
    found = compare_judges({"a": [1.0, 2.0], "b": [2.0, 1.0]}, [0, 0], [0, 1], times=20)
    assert found.differences[0].p is None
    assert not found.differences[0].is_significant


def test_gaps_that_do_not_fit_are_refused_with_the_name_of_the_judge():
    with pytest.raises(DataError, match="mine: One gap and one human answer"):
        compare_judges({"mine": [1.0]}, [1, -1], [0, 1])
    with pytest.raises(DataError, match="mine: Gaps must be finite"):
        compare_judges({"mine": [1.0, np.nan]}, [1, -1], [0, 1])


def test_the_dimension_that_people_look_at_orders_their_pairs():
    small = small_checklist()
    rng = np.random.default_rng(3)
    p = rng.random((100, len(small.questions)))
    result = reward(soft_values(p, small), small, equal_weights(small))
    clarity = result.by_sub_dimension[:, small.ordinal_index("clarity")]
    first, second = np.arange(0, 100, 2), np.arange(1, 100, 2)
    pairs = Comparisons.of(first, second, np.sign(clarity[first] - clarity[second]), first // 10, items=100)
    found = by_dimension(small, result, pairs, level="sub_dimension")
    assert list(found) == [sub.id for sub in small.ordinal]
    assert found["clarity"].diff == 1
    assert all(one.diff < 0.8 for id, one in found.items() if id != "clarity")
    assert by_dimension(small, result, pairs)["all"] == preference_accuracy(
        pairs.differences(result.reward), pairs.outcome
    )


def test_generators_by_hand():
    found = by_generator(
        gaps=[1.0, -1.0, 2.0, 0.5, 1.0],
        human=[1, 1, -1, 0, 1],
        first=["x", "x", "y", "y", "x"],
        second=["y", "z", "x", "z", "x"],
    )
    assert list(found) == ["x", "y", "z"]
    x = found["x"]
    assert (x.accuracy.n, x.accuracy.n_strict, x.accuracy.diff) == (4, 4, 0.5)
    assert (x.human_wins, x.score_wins) == (1.0, 1 / 3)  # its own pair is no win
    assert (found["y"].human_wins, found["y"].score_wins) == (0.0, 0.5)
    assert found["z"].human_wins == 0.0
    with pytest.raises(DataError, match="2 pairs, and 1 and 2 generators"):
        by_generator([1.0, 1.0], [1, 1], ["x"], ["y", "z"])


def test_answers_like_people_s_are_compared_on_what_applies():
    checklist, rng = small_checklist(), np.random.default_rng(7)
    levels = np.stack([rng.integers(sub.lowest, sub.highest + 1, 120) for sub in checklist.ordinal], axis=1)
    levels = harmonize(checklist, levels.astype(np.int8))
    answers = to_answers(checklist, levels)
    prompts = np.repeat(np.arange(30), 4)
    sure = np.where(answers == 0, 0.5, np.where(answers > 0, 0.9, 0.1))
    unsure = monotone(checklist, np.clip(sure + rng.normal(0, 0.5, sure.shape), 0.01, 0.99))
    found = compare_answers(checklist, {"unsure": unsure, "sure": sure}, levels, prompts, times=100)
    asked = answers != 0
    assert list(found.judges.items()) == [
        ("sure", 1.0),
        ("unsure", pytest.approx(((unsure > 0.5) == (answers > 0))[asked].mean())),
    ]
    (difference,) = found.differences
    assert (difference.first, difference.second) == ("sure", "unsure")
    assert difference.difference.value == pytest.approx(1.0 - found.judges["unsure"])
    assert difference.is_significant
    # What is masked does not count, whatever a judge says there.
    other = np.where(asked, sure, 0.9)
    (same,) = compare_answers(checklist, {"a": other, "b": other.copy()}, levels, prompts, times=20).differences
    assert (same.difference.value, same.p) == (0, 1)
    with pytest.raises(DataError, match="a: 119 rows"):
        compare_answers(checklist, {"a": sure[:-1]}, levels, prompts)
    with pytest.raises(DataError, match="no question"):
        compare_answers(checklist, {"a": sure}, np.full_like(levels, ABSENT), prompts)
