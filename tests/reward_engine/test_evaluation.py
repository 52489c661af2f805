"""Agreement statistics against slow and obvious references."""

import itertools

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import cohen_kappa_score

from reward_engine.answers import ABSENT
from reward_engine.errors import DataError
from reward_engine.evaluation import (
    calibrate_ties,
    human_agreement,
    level_agreement,
    preference_accuracy,
)

levels_strategy = st.integers(2, 40).flatmap(
    lambda n: st.tuples(*[arrays(np.int8, n, elements=st.sampled_from([-2, -1, 0, 1, 2]))] * 2)
)


@given(levels_strategy)
def test_level_agreement_is_what_scikit_learn_says(pair):
    a, b = pair
    found = level_agreement(a, b)
    gaps = [abs(int(x) - int(y)) for x, y in zip(a, b, strict=True)]
    assert found.n == len(a)
    assert found.accuracy == pytest.approx(sum(gap == 0 for gap in gaps) / len(gaps))
    assert found.within_one == pytest.approx(sum(gap <= 1 for gap in gaps) / len(gaps))
    assert found.mae == pytest.approx(sum(gaps) / len(gaps))
    if len(set(a) | set(b)) > 1:
        reference = cohen_kappa_score(a, b, weights="quadratic", labels=[-2, -1, 0, 1, 2])
        assert found.kappa == pytest.approx(reference)
    else:
        assert found.kappa is None


def test_rows_that_either_lacks_are_left_out():
    found = level_agreement([1, ABSENT, 2, 0], [1, 1, ABSENT, 1])
    assert (found.n, found.accuracy) == (2, 0.5)
    assert level_agreement([ABSENT], [1]).accuracy is None
    with pytest.raises(DataError):
        level_agreement([1, 2], [1])


@settings(deadline=None)
@given(
    arrays(np.int8, st.tuples(st.integers(1, 5), st.integers(1, 12)), elements=st.sampled_from([ABSENT, -1, 0, 1, 2]))
)
def test_human_agreement_is_that_of_all_pairs_one_by_one(levels):
    found = human_agreement(levels)
    pairs = [
        (int(a), int(b)) for item in levels.T for a, b in itertools.combinations(item, 2) if a != ABSENT and b != ABSENT
    ]
    assert found.n_pairs == len(pairs)
    if not pairs:
        assert found.exact is None
        assert found.alpha is None
        return
    assert found.exact == pytest.approx(sum(a == b for a, b in pairs) / len(pairs))
    assert found.within_one == pytest.approx(sum(abs(a - b) <= 1 for a, b in pairs) / len(pairs))
    if len({level for pair in pairs for level in pair}) > 1:
        table = np.where(levels == ABSENT, np.nan, levels.astype(float))
        paired = (levels != ABSENT).sum(axis=0) >= 2
        reference = krippendorff.alpha(reliability_data=table[:, paired], level_of_measurement="ordinal")
        assert found.alpha == pytest.approx(reference)
    else:
        assert found.alpha is None


def test_human_agreement_of_nothing():
    assert human_agreement(np.full((3, 4), ABSENT)).n_pairs == 0
    assert human_agreement(np.zeros((2, 0))).alpha is None


pairs_strategy = st.integers(1, 25).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, n, elements=st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 3.0])),
        arrays(np.int8, n, elements=st.sampled_from([-1, 0, 1])),
    )
)


def slow_tau(gaps, human, epsilon):
    right = 0
    for gap, truth in zip(gaps, human, strict=True):
        said = 0 if abs(gap) <= epsilon else (1 if gap > 0 else -1)
        right += said == truth
    return right / len(gaps)


@given(pairs_strategy)
def test_tie_calibration_tries_every_threshold(pair):
    gaps, human = pair
    found = preference_accuracy(gaps, human)
    tried = {epsilon: slow_tau(gaps, human, epsilon) for epsilon in sorted({0.0, *np.abs(gaps)})}
    assert found.tau == pytest.approx(max(tried.values()))
    assert found.epsilon == min(epsilon for epsilon, tau in tried.items() if tau == max(tried.values()))
    assert found.epsilon == calibrate_ties(gaps, human)
    strict = [(gap, truth) for gap, truth in zip(gaps, human, strict=True) if truth]
    if strict:
        assert found.diff == pytest.approx(sum(gap * truth > 0 for gap, truth in strict) / len(strict))
    else:
        assert found.diff is None
    assert (found.n, found.n_strict, found.score_ties) == (len(gaps), len(strict), int((gaps == 0).sum()))


@given(pairs_strategy, st.floats(0, 4))
def test_a_threshold_from_elsewhere_is_taken_as_it_is(pair, epsilon):
    gaps, human = pair
    assert preference_accuracy(gaps, human, epsilon=epsilon).tau == pytest.approx(slow_tau(gaps, human, epsilon))


def test_preferences_that_make_no_sense_are_refused():
    assert preference_accuracy([], []).diff is None
    with pytest.raises(DataError):
        preference_accuracy([1.0], [2])
    with pytest.raises(DataError):
        preference_accuracy([np.nan], [1])
    with pytest.raises(DataError):
        preference_accuracy([1.0], [1], epsilon=-1)
    with pytest.raises(DataError):
        preference_accuracy([1.0, 2.0], [1])
