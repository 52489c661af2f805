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
from reward_engine.evaluation import human_agreement, level_agreement, level_intervals

levels_strategy = st.integers(2, 40).flatmap(
    lambda n: st.tuples(*[arrays(np.int8, n, elements=st.sampled_from([-2, -1, 0, 1, 2]))] * 2)
)


@settings(max_examples=40, deadline=None)
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


def test_intervals_are_those_of_prompts_drawn_one_by_one():
    rng = np.random.default_rng(0)
    human = rng.integers(-2, 3, 60)
    model = np.clip(human + rng.integers(-1, 2, 60), -2, 2)
    human[:5] = ABSENT
    prompts = np.arange(60) // 4
    found = level_intervals(model, human, prompts, times=300, seed=4)
    plain = level_agreement(model, human)
    drawn = np.random.default_rng(4).multinomial(
        14, np.full(14, 1 / 14), size=300
    )  # one prompt of 15 has no level left
    known = human != ABSENT
    names = np.unique(prompts[known])
    values = {name: [] for name in found}
    for counts in drawn:
        rows = np.concatenate(
            [np.repeat(np.flatnonzero(known & (prompts == p)), c) for p, c in zip(names, counts, strict=True)]
        )
        one = level_agreement(model[rows], human[rows])
        for name, into in values.items():
            into.append(getattr(one, name))
    for name, interval in found.items():
        assert interval.value == pytest.approx(getattr(plain, name))
        assert (interval.low, interval.high) == pytest.approx(tuple(np.quantile(values[name], [0.025, 0.975])))


def test_what_cannot_be_said_has_no_interval():
    assert set(level_intervals([ABSENT], [1], [0]).values()) == {None}
    constant = level_intervals([1, 1, 1], [1, 1, 1], [0, 1, 2], times=50)
    assert constant["kappa"] is None
    assert (constant["accuracy"].low, constant["accuracy"].high) == (1, 1)
