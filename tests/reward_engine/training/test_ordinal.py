"""The proportional-odds fit against slow and obvious references; splits that respect groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from reward_engine.judges.heads import sigmoid
from reward_engine.training import ordinal
from reward_engine.training.design import fit_design
from reward_engine.training.ordinal import fit_ordinal, rates
from reward_engine.training.splits import folds, held_out_groups


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 30), st.floats(0.1, 1000))
def test_thresholds_ascend_and_probabilities_are_probabilities(seed, steps, n, penalty):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4)) * 10.0 ** rng.uniform(-2, 2)
    y = rng.integers(0, steps + 1, n)
    found = fit_ordinal(x, y, steps, rng.uniform(0, 3, n), penalty)
    assert (np.diff(found.thresholds) > 0).all()
    losses = np.stack([found.log_loss(x, np.full(n, level)) for level in range(steps + 1)])
    np.testing.assert_allclose(np.exp(-losses).sum(axis=0), 1.0, atol=1e-9)


def test_the_gradient_is_that_of_the_likelihood():
    rng = np.random.default_rng(0)
    scores, y, weights = rng.normal(size=20), rng.integers(0, 4, 20), rng.random(20)
    thresholds = np.array([-1.0, 0.2, 1.5])

    def value(scores, thresholds):
        return (weights * ordinal._log_probabilities(scores, thresholds, y)).sum()

    def slope(of, at):
        step = 1e-6
        return [(of(at + step * one) - of(at - step * one)) / (2 * step) for one in np.eye(len(at))]

    by_score, by_threshold = ordinal._gradients(scores, thresholds, y, weights)
    np.testing.assert_allclose(by_score, slope(lambda s: value(s, thresholds), scores), atol=1e-7)
    np.testing.assert_allclose(by_threshold, slope(lambda t: value(scores, t), thresholds), atol=1e-7)


def test_with_one_question_it_is_logistic_regression(monkeypatch):
    monkeypatch.setattr(ordinal, "PRIOR", 1e-12)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 5))
    y = (x[:, 0] + rng.normal(size=60) > 0.3).astype(np.int64)
    found = fit_ordinal(x, y, 1, np.ones(60), 2.0)
    reference = LogisticRegression(C=0.5, tol=1e-9).fit(x, y)
    np.testing.assert_allclose(found.coef, reference.coef_[0], atol=2e-3)
    np.testing.assert_allclose(-found.thresholds, reference.intercept_, atol=2e-3)


def test_weights_are_repetitions():
    rng = np.random.default_rng(2)
    x, y, times = rng.normal(size=(30, 3)), rng.integers(0, 4, 30), rng.integers(1, 4, 30)
    weighted = fit_ordinal(x, y, 3, times.astype(float), 1.0)
    repeated = fit_ordinal(np.repeat(x, times, axis=0), np.repeat(y, times), 3, np.ones(times.sum()), 1.0)
    np.testing.assert_allclose(weighted.coef, repeated.coef, atol=1e-3)
    np.testing.assert_allclose(weighted.thresholds, repeated.thresholds, atol=1e-3)


def test_rates_are_the_smoothed_shares():
    found = rates(np.array([0, 0, 0, 2]), 2, np.ones(4), 3)
    above = sigmoid(-found.thresholds)
    np.testing.assert_allclose(above, [2.0 / 5.5, 1.5 / 5.5])


groups_strategy = st.lists(st.integers(0, 12), min_size=4, max_size=60).map(
    lambda raw: np.unique(raw, return_inverse=True)[1]
)


@settings(max_examples=100, deadline=None)
@given(groups_strategy.filter(lambda groups: groups.max() >= 1), st.floats(0.05, 0.95), st.integers(0, 1000))
def test_splits_hold_out_whole_groups(groups, share, seed):
    held_out = held_out_groups(groups, share, seed)
    assert 0 < held_out.sum() < len(groups)
    assert not set(groups[held_out]) & set(groups[~held_out])
    np.testing.assert_array_equal(held_out, held_out_groups(groups, share, seed))


@settings(max_examples=100, deadline=None)
@given(groups_strategy, st.integers(1, 6), st.integers(0, 1000))
def test_folds_are_a_partition_by_groups(groups, count, seed):
    parts = folds(groups, count, seed)
    assert len(parts) == min(count, len(np.unique(groups)))
    np.testing.assert_array_equal(np.sum(parts, axis=0), 1)
    for part in parts:
        assert part.any()
        assert not set(groups[part]) & set(groups[~part])


@pytest.mark.parametrize("n", [40, 700])
def test_components_keep_what_varies_most(n):
    """Fewer rows than columns and more: the same directions as a singular value decomposition."""
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(n, 5)) * [9, 7, 5, 3, 2] @ rng.normal(size=(5, 320)) + rng.normal(size=(n, 320))).astype(
        np.float32
    )
    design = fit_design(x, {"network": slice(0, 320)})
    found = design.apply(x)
    standard = (x - x.mean(axis=0)) / x.std(axis=0)
    left, singular, _ = np.linalg.svd(standard, full_matrices=False)
    for column in range(4):
        reference = left[:, column] * singular[column]
        assert abs(np.corrcoef(found[:, column], reference)[0, 1]) > 0.99
    assert found.shape[1] == min(32, n // 3)
    np.testing.assert_allclose(found.var(axis=0).sum(), 32, rtol=1e-2)


def test_a_constant_feature_says_nothing_even_where_it_later_varies():
    x = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    x[:, 1] = 7
    design = fit_design(x, {})
    x[:, 1] = np.linspace(-100, 100, 20)
    found = design.apply(x)
    assert (found[:, [1, 4]] == 0).all()


@pytest.mark.parametrize("precision", [np.float64, np.float32])
def test_both_ways_to_the_fit_come_to_the_same(monkeypatch, precision):
    rng = np.random.default_rng(3)
    x = (rng.normal(size=(300, 12)) * np.exp(rng.normal(size=12)) @ rng.normal(size=(12, 12))).astype(precision)
    y = np.digitize(x[:, 0] / x[:, 0].std() + rng.normal(size=300), (-0.7, 0.1, 0.9))
    weight = rng.uniform(0, 2, 300)
    newton = fit_ordinal(x, y, 3, weight, 2.0)
    monkeypatch.setattr(ordinal, "NEWTON_COLUMNS", 0)
    other = fit_ordinal(x, y, 3, weight, 2.0)
    np.testing.assert_allclose(x @ other.coef, x @ newton.coef, atol=2e-2)
    np.testing.assert_allclose(other.thresholds, newton.thresholds, atol=2e-2)


def test_the_curvature_is_that_of_the_slopes():
    rng = np.random.default_rng(4)
    x, y, weight = rng.normal(size=(25, 3)), rng.integers(0, 4, 25), rng.random(25)
    task = ordinal._Task(x, y, 3, weight, 0.7, np.ones(3))
    at = np.array([0.3, -0.2, 0.1, -1.0, 0.2, 1.5])

    def slope(at):
        by_score, by_threshold = task.slopes(x @ at[:3], at[3:])
        return np.concatenate([by_score @ x - 0.7 * at[:3], by_threshold])

    step = 1e-6
    numeric = np.stack([(slope(at + step * one) - slope(at - step * one)) / (2 * step) for one in np.eye(6)])
    np.testing.assert_allclose(ordinal._curvature(task, x @ at[:3], at[3:]), -numeric, atol=1e-7)


def test_a_scale_restrains_columns_and_nought_leaves_them_out():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(200, 4))
    y = (x @ [1.0, 1.0, 1.0, 1.0] + rng.normal(size=200) > 0).astype(np.int64)
    scale = np.array([1.0, 0.5, 0.0, 2.0])
    found = fit_ordinal(x, y, 1, np.ones(200), 3.0, scale=scale)
    reference = fit_ordinal((x * scale)[:, [0, 1, 3]], y, 1, np.ones(200), 3.0)
    np.testing.assert_allclose(found.coef[[0, 1, 3]], reference.coef * scale[[0, 1, 3]], atol=1e-3)
    assert found.coef[2] == 0
